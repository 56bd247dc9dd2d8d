/* SPDX-License-Identifier: MIT
 *
 * log: one line, one write(2). See riposte/log.h.
 *
 * The line is built on the stack: no allocation, no stdio buffer, no lock. Where standard error takes no more (a
 * pipe that nobody reads), it is lost and counted. Any thread may call.
 */
#include "riposte/log.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
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

/* Lines that standard error did not take since the last one that it did. */
static atomic_uint lost_count;

/* What snprintf put into `room` bytes, given what it answered; a cut line keeps room - 1. */
static size_t written_size(int answered, size_t room) {
    if (answered < 0) {
        return 0;
    }
    return (size_t)answered < room ? (size_t)answered : room - 1;
}

/*
 * Whether a line can be written without waiting: a pipe is ready while a page of it is free, which is more than
 * a line.
 */
static bool is_ready(void) {
    struct pollfd standard_error = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&standard_error, 1, 0) == 1 && (standard_error.revents & POLLOUT) != 0;
}

/* One attempt. */
static void line_write(const char *line, size_t size) {
    if (!is_ready() || write(STDERR_FILENO, line, size) < 0) {
        atomic_fetch_add_explicit(&lost_count, 1, memory_order_relaxed); /* a number, it orders nothing */
    }
}

/* Says how many lines are missing before the next one. */
static void lost_write(void) {
    char line[LOG_LINE_SIZE_MAX];
    if (atomic_load_explicit(&lost_count, memory_order_relaxed) == 0 || !is_ready()) {
        return;
    }
    unsigned count = atomic_exchange_explicit(&lost_count, 0, memory_order_relaxed);
    int size = snprintf(line, sizeof(line),
                        "riposte: warning: %u lines before this one were lost: standard error took no more\n",
                        count);
    line_write(line, (size_t)size);
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
    lost_write();
    line_write(line, size);
    errno = error_saved;
}
