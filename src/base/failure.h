/* SPDX-License-Identifier: MIT
 *
 * failure: why a program ends, as an exit status and one sentence with the likely cure.
 *
 * The first reason is kept: what follows from it is not reported. One thread owns one struct failure.
 */
#ifndef RIPOSTE_BASE_FAILURE_H
#define RIPOSTE_BASE_FAILURE_H

#include <stdbool.h>

enum { FAILURE_TEXT_SIZE_MAX = 512 };

/* All zero: nothing has failed. */
struct failure {
    int exit_status;                  /* 0 exactly while nothing has failed; often one of sysexits.h */
    char text[FAILURE_TEXT_SIZE_MAX]; /* ends in NUL, no line end; a longer sentence is cut */
};

/* What helps where memory is refused; a control group that is full ends the process instead. */
#define FAILURE_MEMORY_CURE                                                                                  \
    "raise the limit of addresses (ulimit -v, ulimit -d), or give the machine or the control group more"

/* What helps where a thread is refused. */
#define FAILURE_THREAD_CURE                                                                                  \
    "raise the limit of processes (ulimit -u; systemd: TasksMax; Docker: --pids-limit) "                     \
    "or of addresses (RLIMIT_AS, ulimit -v)"

static inline bool failure_happened(const struct failure *failure) {
    return failure->exit_status != 0;
}

/* Fills *failure unless it is filled already; exit_status is not 0. */
void failure_write(struct failure *failure, int exit_status, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

/*
 * failure_write, with the value false, so that a step that fails can return it. A macro, so that analysis
 * sees the value too.
 */
#define failure_set(...) (failure_write(__VA_ARGS__), false)

#endif
