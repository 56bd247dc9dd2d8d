/* SPDX-License-Identifier: MIT
 *
 * The giver whose workers wait: the other one gets everything, or this one takes it back, once workers get what they need, and is lost
 * where they never do.
 */
#include <criterion/criterion.h>
#include <limits.h>
#include <sys/resource.h>

#include "giver.h"
#include "giver_fixture.h"
#include "riposte/numbers.h"

/* Up to READY. */
static void say_ready(int fd) {
    say(fd, MESSAGE_HELLO);
    say(fd, MESSAGE_READY);
}

static void say_refused(int fd) {
    struct message refused = {.kind = MESSAGE_REFUSED, .refused.text = "I will not"};
    cr_assert_eq(channel_send(fd, &refused, NULL, 0, 0), 0);
}

TestSuite(giver_pause, .init = old_open, .fini = old_close, .timeout = 60);

/* --- while the workers wait -------------------------------------------------------------------------------- */

/* Takes over in a thread, as far as it is told to. */
struct other_one {
    int fd;
    bool takes; /* else it leaves when everything has come */
    struct verdict verdict;
    bool taken;
    unsigned connections_count;
    struct message_numbers numbers;
    char numbers_text[sizeof(counted)];
    pthread_t thread;
};

static void *other_main(void *argument) {
    struct other_one *other = argument;
    struct message message;
    struct channel_fds fds;
    int records_fd = -1;
    do {
        message = hear(other->fd, &fds);
        if (message.kind == MESSAGE_STORE) {
            cr_assert_eq(fds.count, 2);
            records_fd = dup(fds.fds[1]);
        } else if (message.kind == MESSAGE_CONNECTIONS) {
            other->connections_count += message.connections.records_count;
        } else if (message.kind == MESSAGE_NUMBERS) {
            other->numbers = message.numbers;
            (void)!pread(records_fd, other->numbers_text, sizeof(counted), (off_t)message.numbers.offset);
        }
        channel_fds_close(&fds);
    } while (message.kind != MESSAGE_COMPLETE);
    say(other->fd, MESSAGE_MINE);
    other->taken = other->takes && verdict_take(&other->verdict);
    shutdown(other->fd, SHUT_WR); /* says no more */
    close(records_fd);
    return argument;
}

/* Until it has said READY, and in a thread from there on; the turn ends when it has ended. */
static void hand_over_to(struct other_one *other) {
    other->fd = come();
    say(other->fd, MESSAGE_HELLO);
    cr_assert_eq(turn(), GIVER_OFFERED);
    other->verdict = hear_verdict(other->fd);
    say(other->fd, MESSAGE_READY);
    cr_assert_eq(pthread_create(&other->thread, NULL, other_main, other), 0);
    turn();
    pthread_join(other->thread, NULL);
}

static void other_end(struct other_one *other) {
    verdict_close(&other->verdict);
    close(other->fd);
}

static void no_watchdog(void) {
    old.parts.watchdog_us = 0;
    giver_begin(&old.giver, &old.parts);
}

Test(giver_pause, gives_everything_to_who_takes_it) {
    struct other_one other = {.takes = true};
    struct channel_peer peer;
    no_watchdog();
    hand_over_to(&other);
    cr_assert_eq(old.giver.state, GIVER_GIVEN);
    cr_expect(other.taken);
    cr_expect_eq(other.connections_count, 1);
    cr_expect_eq(other.numbers.size, sizeof(counted));
    cr_expect_str_eq(other.numbers_text, counted);
    cr_expect_eq(giver_timeout_ms(&old.giver, clock_monotonic_ns()), -1);
    cr_expect_eq(turn(), GIVER_GIVEN, "for good");
    giver_pass_on(&old.giver, 0);
    giver_pass_on(&old.giver, 5);
    for (unsigned i = 0; i < 2; i++) {
        struct message message = hear(other.fd, NULL);
        cr_expect_eq(message.kind, MESSAGE_SIGNALS, "said of none as well");
        cr_expect_eq(message.signals.signals, i == 0 ? 0 : 5);
    }
    int late = come();
    giver_end(&old.giver);
    expect_refused(late, "another process serves since");
    close(late);
    cr_expect_eq(channel_connect(getpid(), &peer), -ECONNREFUSED);
    dial_expect_open(old.client, 0);
    other_end(&other);
}

/* Numbers begin anew rather than that nothing goes over. */
Test(giver_pause, gives_numbers_up_to_their_bound) {
    const size_t sizes[] = {NUMBERS_SIZE_MAX + 1, NUMBERS_SIZE_MAX};
    for (unsigned i = 0; i < 2; i++) {
        struct other_one other = {.takes = false};
        no_watchdog();
        old.numbers_size = sizes[i];
        hand_over_to(&other);
        cr_assert_eq(old.giver.state, GIVER_IDLE);
        cr_expect_eq(other.numbers.size, sizes[i] <= NUMBERS_SIZE_MAX ? sizes[i] : 0);
        other_end(&other);
    }
    expect_served();
}

/* A server that is killed from now on leaves nothing that would be trusted. */
static void expect_store_in_use(void) {
    const struct store_config config = {
        .memory_size_max = 16 << 20, .item_size_max = 1 << 20, .workers_max = 2};
    struct store *another;
    enum store_image image;
    cr_expect_eq(store_file_take(&config, store_file_fd(old.store), store_file_tables_fd(old.store),
                                 clock_monotonic_ns(), &image, &another),
                 -EEXIST);
    cr_expect_eq(image, STORE_IMAGE_UNCLEAN, "%d", image);
}

Test(giver_pause, takes_back_from_who_has_everything_and_dies) {
    struct other_one other = {.takes = false};
    no_watchdog();
    hand_over_to(&other);
    cr_assert_eq(old.giver.state, GIVER_IDLE);
    cr_expect_eq(other.connections_count, 1);
    cr_expect_not(verdict_take(&other.verdict), "too late");
    other_end(&other);
    expect_store_in_use();
    expect_served();
    other = (struct other_one){.takes = true};
    hand_over_to(&other);
    cr_expect_eq(old.giver.state, GIVER_GIVEN, "the next one takes over");
    cr_expect_eq(other.connections_count, 1, "what the first one got is not there a second time");
    other_end(&other);
}

/* Even where the last word is one of refusing, or none that can be understood: only the verdict counts. */
Test(giver_pause, who_has_taken_serves_whatever_it_says) {
    int other = come();
    say(other, MESSAGE_HELLO);
    cr_assert_eq(turn(), GIVER_OFFERED);
    struct verdict verdict = hear_verdict(other);
    say(other, MESSAGE_READY);
    say(other, MESSAGE_REFUSED);
    cr_assert(verdict_take(&verdict));
    cr_expect_eq(turn(), GIVER_GIVEN);
    verdict_close(&verdict);
    close(other);
}

Test(giver_pause, goes_on_where_the_items_were_asked_for_one_by_one) {
    int other = come();
    struct message wanted = {.kind = MESSAGE_ITEMS_WANTED};
    no_watchdog();
    say_ready(other);
    for (int i = 0; i < 3; i++) { /* the third one is too many, and answered by nothing */
        cr_assert_eq(channel_send(other, &wanted, NULL, 0, 0), 0);
    }
    say_refused(other);
    cr_assert_eq(turn(), GIVER_IDLE);
    hear_until(other, MESSAGE_ITEMS);
    cr_expect_eq(hear(other, NULL).kind, MESSAGE_ITEMS_END);
    expect_refused(other, "I will not");
    expect_served();
    close(other);
}

/* No file of this process may grow: neither the store's nor the records' memory. */
Test(giver_pause, goes_on_where_there_is_no_memory_to_leave_the_store_in) {
    struct rlimit before, none;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    int other = come();
    say_ready(other);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    enum giver_state state = turn();
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    cr_assert_eq(state, GIVER_IDLE);
    expect_refused(other, "the items cannot be handed over: File too large");
    expect_served();
    close(other);
}

/* --- taking back ------------------------------------------------------------------------------------------- */

static int refuse_when_all_wait(void) {
    int other = come();
    say_ready(other);
    say_refused(other);
    return other;
}

Test(giver_pause, tries_again_while_workers_do_not_get_what_they_need) {
    int other = refuse_when_all_wait();
    old.parts.watchdog_us = 0;
    giver_begin(&old.giver, &old.parts);
    atomic_store(&old.starts_to_fail, 5);
    cr_assert_eq(turn(), GIVER_IDLE);
    cr_expect_lt(atomic_load(&old.starts_to_fail), 0, "all five have failed, and then both workers got it");
    expect_refused(other, "I will not");
    expect_served();
    close(other);
}

/* It has tried for as long as a hand-over may last; who waits hears nothing, so that it serves by itself. */
Test(giver_pause, is_lost_where_they_never_do) {
    uint64_t began_ns = clock_monotonic_ns();
    struct message message;
    struct channel_fds fds;
    struct channel_peer peer;
    int other = refuse_when_all_wait(), next = come();
    atomic_store(&old.starts_to_fail, INT_MAX);
    cr_assert_eq(turn(), GIVER_LOST);
    cr_expect_geq(clock_monotonic_ns() - began_ns, HAND_OVER_MS * CLOCK_NS_PER_MS);
    cr_expect_lt(atomic_load(&old.starts_to_fail), INT_MAX - 1, "more than once");
    cr_expect_eq(turn(), GIVER_LOST);
    cr_expect_eq(giver_timeout_ms(&old.giver, clock_monotonic_ns()), -1);
    giver_end(&old.giver);
    cr_expect_eq(channel_receive(next, &message, &fds, 0), -EPIPE, "not a word");
    cr_expect_eq(channel_connect(getpid(), &peer), -ECONNREFUSED);
    close(other);
    close(next);
}
