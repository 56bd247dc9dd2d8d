/* SPDX-License-Identifier: MIT
 *
 * Signals as events, and the way out when a stop takes too long.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "signals.h"

Test(signals, become_events) {
    signals_block();
    kill(getpid(), SIGHUP);
    cr_expect_eq(signals_wait(-1), SIGNALS_RELOAD);
    static const int stops[] = {SIGTERM, SIGINT, SIGUSR1};
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        kill(getpid(), stops[i]);
        cr_expect_eq(signals_wait(-1), SIGNALS_STOP);
    }
}

Test(signals, of_a_child_are_one_though_whoever_started_the_process_ignored_them) {
    signal(SIGCHLD, SIG_IGN);
    signals_reset();
    signals_block();
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        _exit(3);
    }
    int status = 0;
    cr_expect_eq(signals_wait(10000), SIGNALS_CHILD);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(WEXITSTATUS(status), 3);
}

Test(signals, of_a_stop_may_end_in_order_who_has_done_nothing_yet, .exit_code = EXIT_SUCCESS) {
    signals_exit_in_order_on_stop();
    raise(SIGTERM);
    abort();
}

Test(signals, that_are_handled_so_are_events_once_they_are_blocked) {
    signals_exit_in_order_on_stop();
    signals_block();
    kill(getpid(), SIGTERM);
    cr_expect_eq(signals_wait(0), SIGNALS_STOP);
}

static void *send_later(void *thread) {
    nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000}, NULL);
    kill(getpid(), SIGHUP);
    return thread;
}

Test(signals, to_be_passed_on_are_waited_for_one_by_one) {
    pthread_t thread;
    signals_block();
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGTERM);
    cr_expect_eq(signals_take_next(1000) | signals_take_next(1000), 1U << 0 | 1U << 2);
    cr_expect_eq(signals_take_next(0), 0);
    cr_assert_eq(pthread_create(&thread, NULL, send_later, NULL), 0);
    cr_expect_eq(signals_take_next(20000), 1U << 3, "one that comes meanwhile");
    pthread_join(thread, NULL);
}

static void *request_stop(void *graceful) {
    signals_request_stop(*(bool *)graceful);
    return NULL;
}

Test(signals, of_a_stop_can_be_sent_by_any_thread) {
    signals_block();
    for (int i = 0; i < 2; i++) {
        bool graceful = i == 1;
        pthread_t thread;
        cr_assert_eq(pthread_create(&thread, NULL, request_stop, &graceful), 0);
        cr_expect_eq(signals_wait(-1), SIGNALS_STOP);
        pthread_join(thread, NULL);
    }
}

Test(signals, of_a_broken_pipe_are_ignored) {
    signals_block();
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    cr_expect_eq(write(ends[1], "x", 1), -1);
}

Test(signals, of_a_second_stop_end_the_process, .exit_code = EXIT_FAILURE) {
    signals_block();
    kill(getpid(), SIGTERM);
    cr_assert_eq(signals_wait(-1), SIGNALS_STOP);
    kill(getpid(), SIGINT); /* comes while nobody waits: held back until the next line */
    signals_exit_on_next_stop();
    cr_assert(false, "the process is still there");
}

Test(signals, that_are_pending_are_taken_without_waiting_and_raised_again) {
    signals_block();
    cr_expect_eq(signals_take_pending(), 0);
    kill(getpid(), SIGTERM);
    kill(getpid(), SIGHUP);
    kill(getpid(), SIGUSR2);
    unsigned signals = signals_take_pending();
    cr_expect_eq(signals, 1U << 0 | 1U << 3);
    cr_expect_eq(signals_take_pending(), 0);
    cr_expect_eq(signals_wait(0), SIGNALS_UPGRADE, "it is not one of them");
    cr_expect(signals_have_stop(signals));
    cr_expect_not(signals_have_stop(signals & ~1U));
    signals_raise(signals & ~1U);
    cr_expect_eq(signals_wait(0), SIGNALS_RELOAD);
    cr_expect_eq(signals_wait(0), SIGNALS_NONE);
}
