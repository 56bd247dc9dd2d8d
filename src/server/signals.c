/* SPDX-License-Identifier: MIT
 *
 * signals: which are blocked, taken and sent. See signals.h.
 */
#include "signals.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static sigset_t signals_to_stop(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    return set;
}

static sigset_t signals_all(void) {
    sigset_t set = signals_to_stop();
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGURG);
    sigaddset(&set, SIGIO);
    sigaddset(&set, SIGCHLD);
    return set;
}

void signals_reset(void) {
    struct sigaction usual = {.sa_handler = SIG_DFL};
    int status = sigaction(SIGCHLD, &usual, NULL);
    assert(status == 0); /* the arguments are constant */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    status = sigaction(SIGXFSZ, &ignore, NULL);
    assert(status == 0);
}

void signals_block(void) {
    sigset_t set = signals_all();
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    assert(error == 0); /* the arguments are constant */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    int status = sigaction(SIGPIPE, &ignore, NULL);
    assert(status == 0);
}

enum signals_event signals_wait(int timeout_ms) {
    sigset_t set = signals_all();
    const struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    int number = timeout_ms < 0 ? sigwaitinfo(&set, NULL) : sigtimedwait(&set, NULL, &timeout);
    if (number < 0) {
        return SIGNALS_NONE; /* the time is over, or EINTR: the process was stopped and continued */
    }
    switch (number) {
    case SIGHUP:
        return SIGNALS_RELOAD;
    case SIGUSR2:
        return SIGNALS_UPGRADE;
    case SIGURG:
        return SIGNALS_REFRESH;
    case SIGIO:
        return SIGNALS_CONTROL;
    case SIGCHLD:
        return SIGNALS_CHILD;
    default:
        return SIGNALS_STOP;
    }
}

bool signals_stop_is_pending(void) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1};
    sigset_t pending;
    bool found = false;
    int status = sigpending(&pending);
    assert(status == 0);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        found |= sigismember(&pending, numbers[i]) == 1;
    }
    return found;
}

/* Async-signal-safe: nothing but _exit; the other one, too. */
static void exit_at_once(int number) {
    (void)number;
    _exit(EXIT_FAILURE);
}

static void exit_in_order(int number) {
    (void)number;
    _exit(EXIT_SUCCESS);
}

static void signals_handle_stop(void (*handler)(int number)) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1};
    struct sigaction action = {.sa_handler = handler};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int status = sigaction(numbers[i], &action, NULL);
        assert(status == 0);
    }
}

void signals_exit_in_order_on_stop(void) {
    signals_handle_stop(exit_in_order);
}

void signals_exit_on_next_stop(void) {
    signals_handle_stop(exit_at_once);
    sigset_t set = signals_to_stop();
    int error = pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    assert(error == 0);
}

void signals_request_stop(bool graceful) {
    /* To the process, not the thread: this one has it blocked, the main thread waits for it. */
    kill(getpid(), graceful ? SIGUSR1 : SIGINT);
}

void signals_request_refresh(void) {
    kill(getpid(), SIGURG);
}

/* Bit 0 is the first: what two builds say to each other. */
static const int passed_on[] = {SIGTERM, SIGINT, SIGUSR1, SIGHUP};

enum { SIGHUP_INDEX = 3, PASSED_ON_COUNT = sizeof(passed_on) / sizeof(passed_on[0]) };

unsigned signals_take_pending(void) {
    unsigned signals = 0;
    for (unsigned i = 0; i < PASSED_ON_COUNT; i++) {
        const struct timespec at_once = {0};
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, passed_on[i]);
        if (sigtimedwait(&set, NULL, &at_once) == passed_on[i]) {
            signals |= 1U << i;
        }
    }
    return signals;
}

unsigned signals_take_next(int timeout_ms) {
    const struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    unsigned signals = 0;
    sigset_t set;
    sigemptyset(&set);
    for (unsigned i = 0; i < PASSED_ON_COUNT; i++) {
        sigaddset(&set, passed_on[i]);
    }
    int number = sigtimedwait(&set, NULL, &timeout);
    for (unsigned i = 0; i < PASSED_ON_COUNT; i++) {
        signals |= number == passed_on[i] ? 1U << i : 0;
    }
    return signals;
}

bool signals_have_stop(unsigned signals) {
    return (signals & ~(1U << SIGHUP_INDEX) & ((1U << PASSED_ON_COUNT) - 1)) != 0;
}

void signals_raise(unsigned signals) {
    for (unsigned i = 0; i < PASSED_ON_COUNT; i++) {
        if ((signals & 1U << i) != 0) {
            kill(getpid(), passed_on[i]);
        }
    }
}
