/* SPDX-License-Identifier: MIT
 *
 * failure: why a run could not be made or did not reach its end, and what the program exits with.
 *
 * One sentence, kept by the first that fails; what follows from it is not reported. One thread owns one
 * struct failure.
 */
#ifndef LOAD_FAILURE_H
#define LOAD_FAILURE_H

#include <stdbool.h>

enum exit_code {
    EXIT_CODE_CLEAN = 0,   /* measured, every reply was right (misses are no fault) */
    EXIT_CODE_REPLIES = 1, /* measured, but there were error replies or wrong replies */
    EXIT_CODE_ENDED_EARLY =
        2, /* the server was dead, stalled, or sent what is no reply: the run was given up */
    EXIT_CODE_USAGE = 64,
    EXIT_CODE_SYSTEM = 71, /* no io_uring, too few descriptors, no memory */
};

enum { FAILURE_MESSAGE_SIZE_MAX = 400 };

/* All zero: nothing failed. */
struct failure {
    enum exit_code code; /* EXIT_CODE_CLEAN exactly while nothing failed */
    char message[FAILURE_MESSAGE_SIZE_MAX];
};

static inline bool failure_happened(const struct failure *failure) {
    return failure->code != EXIT_CODE_CLEAN;
}

/* Keeps the first: a later call changes nothing. */
void failure_set(struct failure *failure, enum exit_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

#endif
