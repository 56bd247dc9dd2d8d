/* SPDX-License-Identifier: MIT
 *
 * log: one line, one write(2). See riposte/log.h.
 *
 * The line is built on the stack: no allocation, no stdio buffer, no lock. Any thread may call.
 */
#include "riposte/log.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* Set by log_level_set before other threads start, only read afterwards: no atomic is needed. */
static enum log_level level_shown = LOG_LEVEL_INFO;

void log_level_set(enum log_level level) {
    level_shown = level;
}

enum log_level log_level_get(void) {
    return level_shown;
}

/* What snprintf put into `room` bytes, given what it answered; a cut line keeps room - 1. */
static size_t written_size(int answered, size_t room) {
    if (answered < 0) {
        return 0;
    }
    return (size_t)answered < room ? (size_t)answered : room - 1;
}

void log_line(enum log_level level, const char *format, ...) {
    char line[LOG_LINE_SIZE_MAX];
    if (level > level_shown) {
        return;
    }
    int error_saved = errno;
    /* written_size leaves one byte for the terminator, which the line end then takes. */
    const char *prefix = level == LOG_LEVEL_WARNING ? "riposte: warning: " : "riposte: ";
    size_t size = written_size(snprintf(line, sizeof(line), "%s", prefix), sizeof(line));
    va_list arguments;
    va_start(arguments, format);
    size += written_size(vsnprintf(line + size, sizeof(line) - size, format, arguments), sizeof(line) - size);
    va_end(arguments);
    line[size++] = '\n';
    /* One attempt: standard error that is closed, full or broken must not hold anybody up. */
    ssize_t written = write(STDERR_FILENO, line, size);
    (void)written;
    errno = error_saved;
}
