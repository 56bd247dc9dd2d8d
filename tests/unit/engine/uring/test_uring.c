/* SPDX-License-Identifier: MIT
 *
 * What the loop does when a ring that has worked answers with an errno that nobody expects. io_uring_enter2 is liburing's,
 * and this program's. What the transport does otherwise is tested by every engine test.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <liburing.h>

#include "deadline.h"
#include "dial.h"
#include "engine_state.h"
#include "frames.h"
#include "riposte/engine_move.h"

TestSuite(uring, .timeout = 60);

static _Atomic int refused_with; /* a negative errno; 0: the kernel is asked */

/* Takes the library's place for all of this program. */
int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min_complete, unsigned flags,
                    sigset_t *argument, size_t size) {
    int refused = atomic_load(&refused_with);
    if (refused != 0) {
        return refused;
    }
    long result = syscall(SYS_io_uring_enter, fd, to_submit, min_complete, flags, argument, size);
    return result < 0 ? -errno : (int)result;
}

static _Atomic bool epoll_refused;

/* The same, of the C library. */
int epoll_create1(int flags) {
    if (atomic_load(&epoll_refused)) {
        errno = EMFILE;
        return -1;
    }
    return (int)syscall(SYS_epoll_create1, flags);
}

static struct engine *start_or_skip(void) {
    static struct engine_listen listen;
    listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(ENGINE_AUTO, &listen);
    struct engine *engine = dial_start(&config);
    if (engine_fallback_reason(engine)[0] != '\0') {
        dial_stop(engine);
        cr_skip_test("no io_uring here");
    }
    return engine;
}

static void expect_echo(int fd) {
    dial_send(fd, "\0\1a", 3);
    dial_expect(fd, "\0\1a", 3);
}

Test(uring, an_unexpected_errno_is_counted_and_the_clients_are_served_when_it_has_gone) {
    struct engine *engine = start_or_skip();
    int fd = dial(engine);
    expect_echo(fd);
    atomic_store(&refused_with, -EPERM);
    dial_send(fd, "\0\1b", 3);
    struct deadline counted = deadline_of("each worker has met the error");
    while (dial_counter(engine, ring_errors) < 10) {
        deadline_wait(&counted);
    }
    atomic_store(&refused_with, 0);
    dial_expect(fd, "\0\1b", 3);
    expect_echo(fd);
    close(fd);
    dial_stop(engine);
}

/* A list of connections is asked for, which nobody waits for: it takes the workers out of their sleep in the kernel. */
Test(uring, a_worker_whose_ring_fails_hears_of_a_stop) {
    struct engine *engine = start_or_skip();
    struct deadline counted = deadline_of("a worker has met the error");
    atomic_store(&refused_with, -EINVAL);
    engine_conn_list_end(engine_conn_list_begin(engine));
    while (dial_counter(engine, ring_errors) == 0) {
        deadline_wait(&counted);
    }
    engine_stop(engine, ENGINE_STOP_CLOSE);
    engine_join(engine);
    atomic_store(&refused_with, 0);
    engine_destroy(engine);
}

static uint64_t process_cpu_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/*
 * From now on every enter fails; returns when every worker has given its ring up, with a list of connections that was asked for
 * before.
 */
static struct engine_conn_list *fail_while_asked(struct engine *engine, int error) {
    struct deadline given_up = deadline_of("every worker has given its ring up");
    atomic_store(&refused_with, error);
    struct engine_conn_list *list = engine_conn_list_begin(engine);
    while (dial_counter(engine, ring_failovers) < engine_workers_count(engine)) {
        deadline_wait(&given_up);
    }
    return list;
}

static void fail_for_good(struct engine *engine, int error) {
    engine_conn_list_end(fail_while_asked(engine, error));
}

Test(uring, a_worker_whose_ring_fails_for_good_goes_on_with_epoll) {
    struct engine *engine = start_or_skip();
    enum { COUNT = 20 };
    int fds[COUNT];
    for (int i = 0; i < COUNT; i++) {
        fds[i] = dial(engine);
        expect_echo(fds[i]);
    }
    uint64_t before_ms = process_cpu_ms();
    fail_for_good(engine, -EINVAL);
    cr_expect_lt(process_cpu_ms() - before_ms, 700, "it does not spin meanwhile: %u workers, a second",
                 engine_workers_count(engine));
    for (int i = 0; i < COUNT; i++) {
        dial_expect_end(fds[i]);
        close(fds[i]);
    }
    cr_expect_eq(dial_counter(engine, connections_current), 0);
    cr_expect_eq(dial_counter(engine, closed_error), COUNT);
    for (int i = 0; i < COUNT; i++) {
        fds[i] = dial(engine);
        expect_echo(fds[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        expect_echo(fds[i]);
        close(fds[i]);
    }
    dial_stop(engine);
}

Test(uring, clients_that_were_in_the_middle_of_something_are_closed_with_the_ring) {
    struct engine *engine = start_or_skip();
    int half = dial(engine), silent = dial(engine), late = dial(engine);
    static char much[100000];
    expect_echo(half);
    expect_echo(silent);
    expect_echo(late);
    dial_send(half, "\0\5ab", 4);
    atomic_store(&refused_with, -EPERM);
    dial_send(late, "\0\1a", 3);
    send(late, much, sizeof(much), MSG_DONTWAIT | MSG_NOSIGNAL);
    fail_for_good(engine, -EPERM);
    dial_expect_end(half);
    dial_expect_end(silent);
    close(half);
    close(silent);
    close(late);
    int fd = dial(engine);
    expect_echo(fd);
    close(fd);
    dial_stop(engine);
}

Test(uring, a_worker_that_can_have_neither_keeps_no_list_of_connections_waiting) {
    struct engine *engine = start_or_skip();
    struct deadline answered = deadline_of("all workers have answered");
    atomic_store(&epoll_refused, true);
    struct engine_conn_list *list = fail_while_asked(engine, -EINVAL);
    while (list != NULL) { /* until nobody is left to answer: they are about to end */
        while (!engine_conn_list_ready(list)) {
            deadline_wait(&answered);
        }
        engine_conn_list_end(list);
        list = engine_conn_list_begin(engine);
    }
    engine_stop(engine, ENGINE_STOP_CLOSE);
    engine_join(engine);
    engine_destroy(engine);
    atomic_store(&epoll_refused, false);
    atomic_store(&refused_with, 0);
}

Test(uring, a_worker_that_can_have_neither_ends_and_its_listener_closes) {
    struct engine *engine = start_or_skip();
    int fd = dial(engine);
    expect_echo(fd);
    atomic_store(&epoll_refused, true);
    fail_for_good(engine, -EINVAL);
    dial_expect_end(fd);
    close(fd);
    engine_stop(engine, ENGINE_STOP_CLOSE);
    engine_join(engine);
    cr_expect_eq(dial_counter(engine, connections_current), 0);
    engine_destroy(engine);
    atomic_store(&epoll_refused, false);
    atomic_store(&refused_with, 0);
}

/* Of no worker that is left: a pause is over at once. */
static void expect_pause_and_stop(struct engine *engine) {
    struct engine_error error;
    engine_await_pause(engine);
    cr_expect_eq(engine_frozen(engine).connections_count, 0);
    cr_expect_eq(engine_resume(engine, &error), 0, "%s", error.message);
    engine_stop(engine, ENGINE_STOP_CLOSE);
    engine_join(engine);
    engine_destroy(engine);
}

Test(uring, a_freeze_does_not_wait_for_a_worker_that_has_ended) {
    struct engine *engine = start_or_skip();
    atomic_store(&epoll_refused, true);
    fail_for_good(engine, -EINVAL);
    engine_stop(engine, ENGINE_STOP_FREEZE);
    expect_pause_and_stop(engine);
}

Test(uring, a_worker_that_loses_its_ring_and_epoll_while_it_freezes_ends) {
    struct engine *engine = start_or_skip();
    int fd = dial(engine);
    expect_echo(fd);
    atomic_store(&epoll_refused, true);
    atomic_store(&refused_with, -EINVAL);
    engine_stop(engine, ENGINE_STOP_FREEZE);
    expect_pause_and_stop(engine);
    dial_expect_end(fd);
    close(fd);
}

/* As after EBADR: the kernel has completed a request and had no memory to say so. The connections' worker sleeps. */
static void lose_completion(struct engine *engine) {
    for (unsigned i = 0; i < engine_workers_count(engine); i++) {
        struct conn_table *conns = &engine->workers[i]->conns;
        if (conns->open_count > 0) {
            conn_at(conns, 0)->in_flight++;
        }
    }
}

static const char frame[] = {0, 1, 'a'};

static int dial_and_ask(struct engine *engine) {
    int fd = dial(engine);
    dial_send(fd, frame, sizeof(frame));
    dial_expect(fd, frame, sizeof(frame));
    return fd;
}

/* Before, such a stop never ended. */
Test(uring, a_stop_does_not_wait_for_a_completion_that_was_lost) {
    struct engine *engine = start_or_skip();
    int fd = dial_and_ask(engine);
    lose_completion(engine);
    engine->config.drain_timeout_ms = 100;
    struct engine_counters sum;
    engine_stop(engine, ENGINE_STOP_CLOSE);
    engine_join(engine);
    engine_counters_sum(engine, &sum);
    cr_expect_eq(counter_read(&sum.ring_failovers), 1);
    cr_expect_eq(counter_read(&sum.connections_current), 0);
    close(fd);
    engine_destroy(engine);
}

/* Nor such a freeze, and nobody was served. */
Test(uring, a_freeze_does_not_wait_for_a_completion_that_was_lost) {
    struct engine *engine = start_or_skip();
    int lost = dial_and_ask(engine);
    lose_completion(engine);
    struct engine_error error;
    engine_stop(engine, ENGINE_STOP_FREEZE);
    engine_await_pause(engine);
    cr_expect_eq(engine_frozen(engine).connections_count, 0);
    cr_assert_eq(engine_resume(engine, &error), 0);
    int fd = dial_and_ask(engine);
    engine->config.drain_timeout_ms = 100;
    close(fd);
    close(lost);
    dial_stop(engine);
}
