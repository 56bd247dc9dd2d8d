/* SPDX-License-Identifier: MIT
 *
 * failure: why the start ends, as an exit status and one sentence with the likely cure.
 */
#ifndef RIPOSTE_SERVER_FAILURE_H
#define RIPOSTE_SERVER_FAILURE_H

#include <stdbool.h>

enum { FAILURE_TEXT_SIZE_MAX = 512 };

struct failure {
    int exit_status;                  /* EX_USAGE, EX_NOUSER, EX_UNAVAILABLE or EX_OSERR of sysexits.h */
    char text[FAILURE_TEXT_SIZE_MAX]; /* ends in NUL, no line end; a longer sentence is cut */
};

void failure_write(struct failure *failure, int exit_status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Fills *failure; the value is false, so that a step that fails can return it. A macro, so that analysis sees
 * the value too.
 */
#define failure_set(...) (failure_write(__VA_ARGS__), false)

#endif
