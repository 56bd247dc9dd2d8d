/* SPDX-License-Identifier: MIT
 *
 * The taker against one that says whatever it likes: an offer in order is taken, anything else is refused with a sentence. The other
 * one is a thread of this process, behind the control socket.
 */
#include "taker.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "riposte/clock.h"
#include "riposte/log.h"

enum { SCRIPT_MAX = 300, SECONDS_MAX = 10 };

/* What the other one says: messages, each with so many descriptors, the verdict's before others where it is a SETTINGS. */
struct script {
    struct message messages[SCRIPT_MAX];
    unsigned fds_counts[SCRIPT_MAX];
    unsigned count;
    bool stays; /* it says no more, and does not end */
};

static struct script script;
static struct verdict verdict;
static struct taker taker;
static struct failure failure;
static int listen_fd;

static void open_all(void) {
    signal(SIGIO, SIG_IGN);
    log_level_set(LOG_LEVEL_ERROR);
    listen_fd = channel_listen();
    cr_assert_geq(listen_fd, 0);
    cr_assert_eq(verdict_create(&verdict), 0);
    verdict_begin(&verdict);
    taker_init(&taker);
}

TestSuite(taker, .init = open_all, .timeout = 60);

static void *other_main(void *argument) {
    struct channel_peer peer;
    struct message message;
    struct channel_fds heard;
    uint64_t end_ns = clock_monotonic_ns() + SECONDS_MAX * CLOCK_NS_PER_S;
    int fds[MESSAGE_FDS_MAX], null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct pollfd waiting = {.fd = listen_fd, .events = POLLIN};
    poll(&waiting, 1, SECONDS_MAX * 1000);
    int fd = channel_accept(listen_fd, &peer);
    channel_receive(fd, &message, &heard, end_ns);
    for (unsigned i = 0; i < script.count; i++) {
        for (unsigned each = 0; each < script.fds_counts[i]; each++) {
            bool is_verdict = script.messages[i].kind == MESSAGE_SETTINGS && each == 0;
            fds[each] = is_verdict ? verdict.fd : null_fd;
        }
        channel_send(fd, &script.messages[i], fds, script.fds_counts[i], end_ns);
    }
    while (script.stays && channel_receive(fd, &message, &heard, end_ns) == 0) {
        channel_fds_close(&heard);
    }
    close(null_fd);
    close(fd);
    return argument;
}

static struct message *say(enum message_kind kind, unsigned fds_count) {
    struct message *message = &script.messages[script.count];
    cr_assert_lt(script.count, SCRIPT_MAX);
    *message = (struct message){.kind = kind};
    script.fds_counts[script.count++] = fds_count;
    return message;
}

static struct message_settings *say_settings(void) {
    struct message *message = say(MESSAGE_SETTINGS, 1);
    message->settings.attempt = verdict.attempt;
    return &message->settings;
}

/* `number` tells addresses apart. */
static struct message_listener *say_listener(unsigned number, unsigned fds_count) {
    struct message *message = say(MESSAGE_LISTENER, fds_count);
    message->listener = (struct message_listener){.fds_count = fds_count, .protocol = "memcached"};
    message->listener.address.ss_family = AF_INET;
    memcpy((char *)&message->listener.address + sizeof(sa_family_t), &number, sizeof(number));
    message->listener.address_size = 16;
    return &message->listener;
}

/* Whether the offer was taken. */
static bool begin(void) {
    struct options options = {.take_over = (uint32_t)getpid()};
    pthread_t other;
    script.stays = true;
    cr_assert_eq(pthread_create(&other, NULL, other_main, NULL), 0);
    bool taken = taker_begin(&taker, &options, false, &failure);
    if (!taken) {
        taker_end(&taker, failure.text);
    } else {
        close(taker.fd);
        taker.fd = -1;
    }
    pthread_join(other, NULL);
    return taken;
}

static void expect_refused(const char *words) {
    cr_expect_not(begin());
    cr_expect_eq(failure.exit_status, EX_UNAVAILABLE);
    cr_expect_not_null(strstr(failure.text, words), "%s", failure.text);
    cr_expect_eq(taker.listeners.fds_count, 0, "nothing is kept open");
}

static const char unclear[] = "what it says cannot be understood";

Test(taker, an_offer_in_order_is_taken) {
    say_settings();
    say_listener(1, 2);
    say_listener(1, 3);
    say_listener(2, 1);
    say(MESSAGE_OFFERED, 0);
    cr_assert(begin(), "%s", failure.text);
    cr_expect_eq(taker.listeners.count, 2);
    cr_expect_eq(taker.listeners.listeners[0].fds_count, 5);
    cr_expect_eq(taker.listeners.fds_count, 6);
    cr_expect(verdict_take(&taker.verdict));
    taker_end(&taker, NULL);
}

Test(taker, what_one_says_who_refuses_is_told) {
    say(MESSAGE_REFUSED, 0);
    snprintf(script.messages[0].refused.text, sizeof(script.messages[0].refused.text), "I will not");
    expect_refused("it refuses: I will not");
}

Test(taker, a_listener_before_the_settings_is_out_of_order) {
    say_listener(1, 1);
    say(MESSAGE_OFFERED, 0);
    expect_refused(unclear);
}

Test(taker, an_end_of_the_offer_before_its_beginning_is_out_of_order) {
    say(MESSAGE_OFFERED, 0);
    expect_refused(unclear);
}

Test(taker, settings_come_once) {
    say_settings();
    say_settings();
    expect_refused(unclear);
}

ParameterizedTestParameters(taker, what_belongs_behind_ready_is_out_of_order_before) {
    static enum message_kind kinds[] = {MESSAGE_STORE,    MESSAGE_CONNECTIONS, MESSAGE_NUMBERS,
                                        MESSAGE_COMPLETE, MESSAGE_SIGNALS,     MESSAGE_HELLO,
                                        MESSAGE_READY,    MESSAGE_MINE};
    return cr_make_param_array(enum message_kind, kinds, sizeof(kinds) / sizeof(kinds[0]));
}

ParameterizedTest(enum message_kind *kind, taker, what_belongs_behind_ready_is_out_of_order_before) {
    say_settings();
    say(*kind, *kind == MESSAGE_STORE ? 2 : 0);
    say(MESSAGE_OFFERED, 0);
    expect_refused(unclear);
}

Test(taker, settings_with_a_descriptor_too_few_are_refused) {
    say_settings()->has_notify = true;
    expect_refused(unclear);
}

Test(taker, settings_with_a_descriptor_too_many_are_refused) {
    say_settings();
    script.fds_counts[0] = 2;
    expect_refused(unclear);
}

Test(taker, a_verdict_that_is_none_is_refused) {
    say_settings();
    close(verdict.fd);
    verdict.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    expect_refused("it goes on");
}

Test(taker, a_listener_without_the_descriptors_that_it_says_is_refused) {
    say_settings();
    say_listener(1, 1)->fds_count = 2;
    expect_refused(unclear);
}

Test(taker, a_listener_without_any_is_refused) {
    say_settings();
    say_listener(1, 0);
    expect_refused(unclear);
}

Test(taker, more_of_one_address_must_agree_with_the_first) {
    say_settings();
    say_listener(1, 1);
    say_listener(1, 1)->is_inherited = true;
    expect_refused(unclear);
}

Test(taker, a_listener_of_an_unknown_family_is_refused) {
    say_settings();
    say_listener(1, 1)->address.ss_family = AF_PACKET;
    expect_refused(unclear);
}

Test(taker, an_encryption_that_there_is_not_is_refused) {
    say_settings();
    say_listener(1, 1)->tls = LISTEN_TLS_MUTUAL + 1;
    expect_refused(unclear);
}

Test(taker, there_are_as_many_addresses_as_a_server_may_have) {
    say_settings();
    for (unsigned i = 0; i < ENGINE_LISTENS_MAX; i++) {
        say_listener(i, 1);
    }
    say(MESSAGE_OFFERED, 0);
    cr_assert(begin(), "%s", failure.text);
    cr_expect_eq(taker.listeners.count, ENGINE_LISTENS_MAX);
    taker_end(&taker, NULL);
}

Test(taker, one_address_past_them_is_refused) {
    say_settings();
    for (unsigned i = 0; i <= ENGINE_LISTENS_MAX; i++) {
        say_listener(i, 1);
    }
    say(MESSAGE_OFFERED, 0);
    expect_refused(unclear);
}

/* It has offered, and says no before this one says READY, as one does that stops. */
Test(taker, a_refusal_that_was_not_heard_yet_is_why_something_fails) {
    struct options options = {.take_over = (uint32_t)getpid()};
    pthread_t other;
    say_settings();
    say(MESSAGE_OFFERED, 0);
    strcpy(say(MESSAGE_REFUSED, 0)->refused.text, "this one stops");
    cr_assert_eq(pthread_create(&other, NULL, other_main, NULL), 0);
    cr_assert(taker_begin(&taker, &options, false, &failure), "%s", failure.text);
    pthread_join(other, NULL);
    failure_write(&failure, EX_OSERR, "a socket cannot be taken over");
    taker_explain(&taker, &failure);
    cr_expect_eq(failure.exit_status, EX_UNAVAILABLE);
    cr_expect_not_null(strstr(failure.text, "it refuses: this one stops"), "%s", failure.text);
    taker_end(&taker, failure.text);
}

Test(taker, what_fails_without_a_refusal_is_said_as_it_is) {
    struct options options = {.take_over = (uint32_t)getpid()};
    pthread_t other;
    say_settings();
    say(MESSAGE_OFFERED, 0);
    script.stays = true;
    cr_assert_eq(pthread_create(&other, NULL, other_main, NULL), 0);
    cr_assert(taker_begin(&taker, &options, false, &failure), "%s", failure.text);
    failure_write(&failure, EX_OSERR, "an address is in use");
    taker_explain(&taker, &failure);
    cr_expect_eq(failure.exit_status, EX_OSERR);
    cr_expect_str_eq(failure.text, "an address is in use");
    taker_end(&taker, failure.text);
    taker_explain(&taker, &failure);
    pthread_join(other, NULL);
}

/* This process is the other one, and it lives. */
Test(taker, who_ends_without_a_word_and_lives_is_not_replaced) {
    struct options options = {.take_over = (uint32_t)getpid()};
    pthread_t other;
    cr_assert_eq(pthread_create(&other, NULL, other_main, NULL), 0);
    cr_expect_not(taker_begin(&taker, &options, false, &failure));
    cr_expect_not_null(strstr(failure.text, "it has ended, or stops"), "%s", failure.text);
    taker_end(&taker, failure.text);
    pthread_join(other, NULL);
}
