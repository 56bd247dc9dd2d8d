/* SPDX-License-Identifier: MIT
 *
 * A pause: connections end, clients wait in the queues of the listeners, and are answered when it is over.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "dial.h"
#include "frames.h"

TestSuite(engine_pause, .timeout = 60);

static enum engine_transport transports[] = {ENGINE_URING, ENGINE_EPOLL};
static const char frame[] = {0, 3, 'a', 'b', 'c'};

static void expect_answer(int fd) {
    dial_send(fd, frame, sizeof(frame));
    dial_expect(fd, frame, sizeof(frame));
}

static void pause_engine(struct engine *engine) {
    engine_stop(engine, ENGINE_STOP_PAUSE);
    engine_await_pause(engine);
}

ParameterizedTestParameters(engine_pause, who_comes_meanwhile_is_answered_afterwards) {
    return cr_make_param_array(enum engine_transport, transports, 2);
}

ParameterizedTest(enum engine_transport *transport, engine_pause,
                  who_comes_meanwhile_is_answered_afterwards) {
    enum { ROUNDS = 5, CLIENTS = 20 };
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    struct engine_error error;
    for (int round = 0; round < ROUNDS; round++) {
        int before = dial(engine), meanwhile[CLIENTS];
        expect_answer(before);
        pause_engine(engine);
        dial_expect_end(before);
        close(before);
        cr_assert_eq(dial_counter(engine, connections_current), 0);
        for (int i = 0; i < CLIENTS; i++) {
            meanwhile[i] = dial(engine);
            dial_send(meanwhile[i], frame, sizeof(frame));
        }
        dial_expect_open(meanwhile[0], 20);
        cr_assert_eq(engine_resume(engine, &error), 0);
        for (int i = 0; i < CLIENTS; i++) {
            dial_expect(meanwhile[i], frame, sizeof(frame));
            expect_answer(meanwhile[i]);
            close(meanwhile[i]);
        }
    }
    dial_stop(engine);
}

ParameterizedTestParameters(engine_pause, an_engine_may_begin_with_one) {
    return cr_make_param_array(enum engine_transport, transports, 2);
}

ParameterizedTest(enum engine_transport *transport, engine_pause, an_engine_may_begin_with_one) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = NULL;
    struct engine_error error;
    cr_assert_eq(engine_create(&config, &engine, &error), 0);
    engine_stop(engine, ENGINE_STOP_PAUSE);
    cr_assert_eq(engine_start(engine, &error), 0);
    engine_await_pause(engine);
    int fd = dial(engine);
    dial_send(fd, frame, sizeof(frame));
    dial_expect_open(fd, 20);
    cr_assert_eq(engine_resume(engine, &error), 0);
    dial_expect(fd, frame, sizeof(frame));
    close(fd);
    dial_stop(engine);
}

static void *worker_counted(void *user, unsigned worker_index) {
    (void)worker_index;
    atomic_fetch_add((atomic_int *)user, 1);
    return user;
}

ParameterizedTestParameters(engine_pause, calls_no_hook_where_an_engine_begins_with_it) {
    return cr_make_param_array(enum engine_transport, transports, 2);
}

ParameterizedTest(enum engine_transport *transport, engine_pause,
                  calls_no_hook_where_an_engine_begins_with_it) {
    for (int resumed = 0; resumed <= 1; resumed++) {
        struct engine_listen listen = dial_listen(&frames_protocol);
        struct engine_config config = dial_config(*transport, &listen);
        struct engine *engine = NULL;
        struct engine_error error;
        atomic_int started = 0;
        config.hooks = (struct engine_hooks){.user = &started, .worker_start = worker_counted};
        cr_assert_eq(engine_create(&config, &engine, &error), 0);
        engine_stop(engine, ENGINE_STOP_PAUSE);
        cr_assert_eq(engine_start(engine, &error), 0);
        engine_await_pause(engine);
        cr_assert_eq(atomic_load(&started), 0);
        if (resumed) {
            cr_assert_eq(engine_resume(engine, &error), 0);
        }
        engine_stop(engine, ENGINE_STOP_CLOSE);
        engine_join(engine);
        cr_assert_eq(atomic_load(&started), resumed ? (int)engine_workers_count(engine) : 0);
        engine_destroy(engine);
    }
}

/* A hook that may fail on one of two workers. */
struct hooks_test {
    atomic_int started, stopped, fails;
};

static void *worker_may_start(void *user, unsigned worker_index) {
    struct hooks_test *test = user;
    if (worker_index == 0 && atomic_load(&test->fails)) {
        return NULL;
    }
    atomic_fetch_add(&test->started, 1);
    return test;
}

static void worker_stopped(void *user) {
    atomic_fetch_add(&((struct hooks_test *)user)->stopped, 1);
}

ParameterizedTestParameters(engine_pause, what_can_fail_is_asked_for_before_it_ends) {
    return cr_make_param_array(enum engine_transport, transports, 2);
}

ParameterizedTest(enum engine_transport *transport, engine_pause, what_can_fail_is_asked_for_before_it_ends) {
    for (int resumed = 0; resumed <= 1; resumed++) {
        struct engine_listen listen = dial_listen(&frames_protocol);
        struct engine_config config = dial_config(*transport, &listen);
        struct hooks_test test = {.fails = 1};
        struct engine *engine = NULL;
        struct engine_error error;
        config.workers_count = 2;
        config.hooks = (struct engine_hooks){
            .user = &test, .worker_start = worker_may_start, .worker_stop = worker_stopped};
        cr_assert_eq(engine_create(&config, &engine, &error), 0);
        engine_stop(engine, ENGINE_STOP_PAUSE);
        cr_assert_eq(engine_start(engine, &error), 0);
        engine_await_pause(engine);
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(engine_prepare(engine, &error), -ENOMEM);
            cr_assert_eq(atomic_load(&test.started), 1);
        }
        test.fails = 0;
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(engine_prepare(engine, &error), 0);
            cr_assert_eq(atomic_load(&test.started), 2);
        }
        test.fails = 1;
        if (resumed) {
            cr_assert_eq(engine_resume(engine, &error), 0);
            int fd = dial(engine);
            expect_answer(fd);
            close(fd);
        }
        engine_stop(engine, ENGINE_STOP_CLOSE);
        engine_join(engine);
        cr_assert_eq(atomic_load(&test.started), 2);
        cr_assert_eq(atomic_load(&test.stopped), 2);
        engine_destroy(engine);
    }
}

ParameterizedTestParameters(engine_pause, may_be_the_end) {
    return cr_make_param_array(enum engine_transport, transports, 2);
}

ParameterizedTest(enum engine_transport *transport, engine_pause, may_be_the_end) {
    for (int handed_over = 0; handed_over <= 1; handed_over++) {
        struct engine_listen listen = dial_listen(&frames_protocol);
        struct engine_config config = dial_config(*transport, &listen);
        struct engine *engine = dial_start(&config);
        int fd = dial(engine);
        expect_answer(fd);
        close(fd);
        pause_engine(engine);
        engine_stop(engine, handed_over ? ENGINE_STOP_HAND_OVER : ENGINE_STOP_CLOSE);
        engine_join(engine);
        engine_destroy(engine);
    }
}

ParameterizedTestParameters(engine_pause, ends_although_a_client_does_not_go) {
    return cr_make_param_array(enum engine_transport, transports, 2);
}

ParameterizedTest(enum engine_transport *transport, engine_pause, ends_although_a_client_does_not_go) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int silent = dial(engine), cut = dial(engine);
    expect_answer(silent);
    dial_send(cut, frame, sizeof(frame) - 1);
    pause_engine(engine);
    cr_assert_eq(dial_counter(engine, connections_current), 0);
    engine_stop(engine, ENGINE_STOP_HAND_OVER);
    engine_join(engine);
    engine_destroy(engine);
    close(silent);
    close(cut);
}
