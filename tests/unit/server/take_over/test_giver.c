/* SPDX-License-Identifier: MIT
 *
 * The giver towards one that comes, asks and ends, or says whatever it likes: in which order, for how long, and how many. What it does
 * while its workers wait is in test_giver_pause.c.
 */
#include "giver.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>

#include "giver_fixture.h"

enum {
    START_S = 30,   /* from connecting to READY */
    MOVES_MAX = 64, /* of a turn */
};

TestSuite(giver, .init = old_open, .fini = old_close, .timeout = 60);

/* --- whom it listens to ----------------------------------------------------------------------------------- */

Test(giver, waits_for_nothing_while_nobody_is_there) {
    cr_expect_eq(turn(), GIVER_IDLE);
    cr_expect_eq(giver_timeout_ms(&old.giver, clock_monotonic_ns()), -1);
    expect_served();
}

/* A child of another user that connects `count` times: how often it was refused as it should be. */
static int strangers_main(int count) {
    int refused = 0;
    struct channel_peer peer;
    struct message message;
    struct channel_fds fds;
    if (setresuid(65534, 65534, 65534) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        int fd;
        while ((fd = channel_connect(getppid(), &peer)) == -EAGAIN) {
            sched_yield(); /* the queue is full */
        }
        channel_receive(fd, &message, &fds, clock_monotonic_ns() + LATE_S * CLOCK_NS_PER_S);
        refused += message.kind == MESSAGE_REFUSED && strstr(message.refused.text, "only root") != NULL;
        close(fd);
    }
    return refused;
}

Test(giver, refuses_other_users_however_many_come) {
    enum { STRANGERS = 2 * MOVES_MAX };
    int status;
    if (geteuid() != 0) {
        cr_skip_test("only root can be another user");
    }
    pid_t child = fork();
    if (child == 0) {
        _exit(strangers_main(STRANGERS) == STRANGERS ? 0 : 1);
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        cr_assert_eq(turn(), GIVER_IDLE);
    }
    cr_expect_eq(status, 0, "all are refused");
    expect_served();
}

Test(giver, does_so_much_in_a_turn_and_comes_back_for_the_rest) {
    for (int moves = MOVES_MAX - 1; moves <= MOVES_MAX + 1; moves++) {
        int other = come();
        say(other, MESSAGE_HELLO);
        for (int i = 2; i < moves; i++) { /* it has come, and has said hello */
            say(other, MESSAGE_ABILITIES);
        }
        cr_assert_eq(turn(), GIVER_OFFERED);
        int timeout_ms = giver_timeout_ms(&old.giver, clock_monotonic_ns());
        cr_expect(moves < MOVES_MAX ? timeout_ms > 1000 : timeout_ms < 1000, "%d moves: %d ms", moves,
                  timeout_ms);
        cr_assert_eq(turn(), GIVER_OFFERED);
        cr_expect_gt(giver_timeout_ms(&old.giver, clock_monotonic_ns()), 1000, "nothing is left");
        close(other);
        cr_assert_eq(turn(), GIVER_IDLE);
    }
}

Test(giver, hears_one_at_a_time_and_the_next_one_when_that_has_gone) {
    int first = come(), second = come();
    say(first, MESSAGE_HELLO);
    say(second, MESSAGE_HELLO);
    cr_assert_eq(turn(), GIVER_OFFERED);
    struct verdict verdict = hear_verdict(first);
    struct message message;
    struct channel_fds fds;
    cr_expect_eq(channel_receive(second, &message, &fds, 0), -EAGAIN);
    say(first, MESSAGE_REFUSED);
    cr_assert_eq(turn(), GIVER_OFFERED, "of the second one");
    cr_expect_not(verdict_take(&verdict), "it is over for the first one");
    verdict_close(&verdict);
    hear_until(second, MESSAGE_OFFERED);
    close(first);
    close(second);
    cr_assert_eq(turn(), GIVER_IDLE);
    expect_served();
}

Test(giver, who_only_asks_is_remembered_as_such_until_it_leaves) {
    struct message hello = {.kind = MESSAGE_HELLO, .hello.checks_only = true};
    int other = come();
    cr_assert_eq(channel_send(other, &hello, NULL, 0, 0), 0);
    cr_assert_eq(turn(), GIVER_OFFERED);
    cr_expect(old.giver.checks_only);
    close(other);
    other = come();
    cr_assert_eq(turn(), GIVER_GREETED);
    cr_expect_not(old.giver.checks_only);
    close(other);
    cr_assert_eq(turn(), GIVER_IDLE);
}

/* --- an end before the workers wait ------------------------------------------------------------------------ */

/* What it has said before it ends. */
enum moment { AT_HELLO, AT_ABILITIES, AT_READY, AT_MINE, BEHIND_MINE, MOMENTS_COUNT };
enum end { REFUSES, LEAVES, SAYS_NOTHING, SAYS_NONSENSE, SAYS_ANOTHER_VERSION, ENDS_COUNT };

struct ending {
    enum moment moment;
    enum end end;
};

static const struct {
    const char *text;
    const char *words; /* what it hears, where it can */
} ends[ENDS_COUNT] = {
    {"it refuses", "I will not"},
    {"it leaves", NULL},
    {"it says nothing", "took too long"},
    {"it says nonsense", "cannot be understood"},
    {"it speaks another version", "another version"},
};

/* All up to that moment; what comes of it is not looked at. */
static void say_until(int fd, enum moment moment) {
    const enum message_kind kinds[MOMENTS_COUNT] = {MESSAGE_HELLO, MESSAGE_ABILITIES, MESSAGE_READY,
                                                    MESSAGE_MINE};
    for (int at = AT_HELLO; at < (int)moment; at++) {
        say(fd, kinds[at]);
    }
}

static void say_changed(int fd, size_t offset, char value) {
    struct message message = {.kind = MESSAGE_MINE};
    char bytes[MESSAGE_SIZE_MAX];
    size_t size = message_write(&message, bytes);
    bytes[offset] = value;
    cr_assert_eq(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void say_end(int fd, enum end end) {
    struct message refused = {.kind = MESSAGE_REFUSED};
    switch (end) {
    case REFUSES:
        snprintf(refused.refused.text, sizeof(refused.refused.text), "I will not");
        cr_assert_eq(channel_send(fd, &refused, NULL, 0, 0), 0);
        break;
    case LEAVES:
        shutdown(fd, SHUT_RDWR);
        break;
    case SAYS_NONSENSE:
        say_changed(fd, 0, 'x');
        break;
    case SAYS_ANOTHER_VERSION:
        say_changed(fd, 4, MESSAGE_VERSION + 1);
        break;
    case SAYS_NOTHING:
    case ENDS_COUNT:
        break;
    }
}

static void expect_end_of(enum moment moment, enum end end) {
    uint64_t began_ns = clock_monotonic_ns();
    int other = come();
    say_until(other, moment);
    say_end(other, end);
    enum giver_state state = turn();
    if (end == SAYS_NOTHING && moment < AT_MINE) {
        uint64_t deadline_ns = began_ns + START_S * CLOCK_NS_PER_S;
        cr_assert_eq(state, moment == AT_HELLO ? GIVER_GREETED : GIVER_OFFERED);
        cr_expect_eq(giver_turn(&old.giver, deadline_ns - 1), state, "not yet");
        state = giver_turn(&old.giver, old.giver.deadline_ns);
    } else if (end == SAYS_NOTHING) {
        cr_expect_geq(clock_monotonic_ns() - began_ns, HAND_OVER_MS * CLOCK_NS_PER_MS);
    }
    cr_assert_eq(state, GIVER_IDLE);
    if (ends[end].words != NULL) {
        expect_refused(other, ends[end].words);
    }
    close(other);
}

ParameterizedTestParameters(giver, goes_on_whenever_and_however_the_other_one_ends) {
    static struct ending endings[MOMENTS_COUNT * ENDS_COUNT];
    for (int i = 0; i < MOMENTS_COUNT * ENDS_COUNT; i++) {
        endings[i] =
            (struct ending){.moment = (enum moment)(i / ENDS_COUNT), .end = (enum end)(i % ENDS_COUNT)};
    }
    return cr_make_param_array(struct ending, endings, MOMENTS_COUNT * ENDS_COUNT);
}

/* Twice, since the first one must leave nothing behind that the second one stumbles over. */
ParameterizedTest(struct ending *ending, giver, goes_on_whenever_and_however_the_other_one_ends) {
    for (int i = 0; i < 2; i++) {
        expect_end_of(ending->moment, ending->end);
        cr_expect_eq(giver_timeout_ms(&old.giver, clock_monotonic_ns()), -1, "%s", ends[ending->end].text);
        expect_served();
    }
}

/* `offered`: whether it has the offer by then. */
static void expect_out_of_order(enum message_kind kind, bool offered) {
    int other = come();
    if (offered) {
        say(other, MESSAGE_HELLO);
    }
    say(other, kind);
    cr_assert_eq(turn(), GIVER_IDLE, "%s", message_name(kind));
    expect_refused(other, "cannot be understood");
    close(other);
}

Test(giver, what_is_out_of_order_ends_the_attempt) {
    const enum message_kind kinds[] = {MESSAGE_SETTINGS, MESSAGE_OFFERED, MESSAGE_STORE,
                                       MESSAGE_NUMBERS,  MESSAGE_MINE,    MESSAGE_ITEMS_WANTED,
                                       MESSAGE_SIGNALS};
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        expect_out_of_order(kinds[i], false);
        expect_out_of_order(kinds[i], true);
    }
    expect_out_of_order(MESSAGE_READY, false);
    expect_out_of_order(MESSAGE_ABILITIES, false);
    expect_out_of_order(MESSAGE_HELLO, true);
    expect_served();
}

Test(giver, descriptors_that_nobody_asked_for_are_closed) {
    struct message abilities = {.kind = MESSAGE_ABILITIES};
    int pipes[2], other = come();
    char byte;
    cr_assert_eq(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
    say(other, MESSAGE_HELLO);
    cr_assert_eq(channel_send(other, &abilities, &pipes[1], 1, 0), 0);
    close(pipes[1]);
    cr_assert_eq(turn(), GIVER_OFFERED);
    cr_expect_eq(read(pipes[0], &byte, 1), 0, "nobody has its other end");
    close(pipes[0]);
    close(other);
    cr_assert_eq(turn(), GIVER_IDLE);
}

Test(giver, who_never_reads_is_left_at_the_deadline) {
    struct message hello = {.kind = MESSAGE_HELLO};
    struct message filler = {.kind = MESSAGE_ABILITIES};
    int other = come();
    cr_assert_eq(turn(), GIVER_GREETED);
    while (channel_send(old.giver.fd, &filler, NULL, 0, 0) == 0) {
    }
    cr_assert_eq(channel_send(other, &hello, NULL, 0, 0), 0);
    old.giver.deadline_ns = clock_monotonic_ns() + HAND_OVER_MS * CLOCK_NS_PER_MS;
    cr_expect_eq(turn(), GIVER_IDLE);
    expect_served();
    close(other);
}

/* --- how long ---------------------------------------------------------------------------------------------- */

/* What it says, in ms. */
static uint32_t offered_time_ms(void) {
    int other = come();
    giver_begin(&old.giver, &old.parts);
    say(other, MESSAGE_HELLO);
    cr_assert_eq(turn(), GIVER_OFFERED);
    struct message message = hear_until(other, MESSAGE_SETTINGS);
    close(other);
    cr_assert_eq(turn(), GIVER_IDLE);
    return message.settings.hand_over_timeout_ms;
}

Test(giver, waits_no_longer_than_a_quarter_of_what_the_manager_does) {
    old.parts.watchdog_us = 0;
    cr_expect_eq(offered_time_ms(), 5000);
    const struct {
        uint64_t watchdog_us;
        uint32_t time_ms;
    } rows[] = {{WATCHDOG_US, HAND_OVER_MS}, {19996000, 4999}, {20000000, 5000}, {20004000, 5000}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        old.parts.watchdog_us = rows[i].watchdog_us;
        cr_expect_eq(offered_time_ms(), rows[i].time_ms, "%u", rows[i].time_ms);
    }
}

Test(giver, waits_for_the_next_word_until_its_deadline_and_no_shorter) {
    int other = come();
    uint64_t now_ns = clock_monotonic_ns();
    cr_assert_eq(giver_turn(&old.giver, now_ns), GIVER_GREETED);
    uint64_t deadline_ns = now_ns + START_S * CLOCK_NS_PER_S;
    cr_expect_eq(giver_timeout_ms(&old.giver, now_ns), START_S * 1000 + 1);
    cr_expect_eq(giver_timeout_ms(&old.giver, deadline_ns - 1), 1,
                 "never 0 before it, which would be a loop");
    cr_expect_eq(giver_timeout_ms(&old.giver, deadline_ns), 0);
    say(other, MESSAGE_HELLO);
    cr_assert_eq(giver_turn(&old.giver, now_ns + CLOCK_NS_PER_S), GIVER_OFFERED);
    cr_expect_eq(giver_timeout_ms(&old.giver, deadline_ns), 0, "it is for all up to READY");
    close(other);
    cr_assert_eq(turn(), GIVER_IDLE);
}

/* --- the end ----------------------------------------------------------------------------------------------- */

Test(giver, that_stops_says_so_to_who_is_there_and_to_who_waits) {
    struct channel_peer peer;
    int first = come(), second = come();
    say(first, MESSAGE_HELLO);
    cr_assert_eq(turn(), GIVER_OFFERED);
    giver_end(&old.giver);
    expect_refused(first, "this one stops");
    expect_refused(second, "this one stops");
    cr_expect_eq(channel_connect(getpid(), &peer), -ECONNREFUSED);
    cr_expect_eq(turn(), GIVER_IDLE, "nobody comes");
    expect_served();
    close(first);
    close(second);
}

Test(giver, without_a_socket_serves_and_nobody_takes_over) {
    struct giver another;
    giver_open(&another); /* the name is taken */
    cr_expect_eq(another.listen_fd, -1);
    giver_begin(&another, &old.parts);
    cr_expect_eq(giver_turn(&another, clock_monotonic_ns()), GIVER_IDLE);
    cr_expect_eq(giver_timeout_ms(&another, clock_monotonic_ns()), -1);
    giver_end(&another);
    giver_close(&another);
}
