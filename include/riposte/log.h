/* SPDX-License-Identifier: MIT
 *
 * log: lines on standard error.
 *
 * One line per call, written with one write(2), so that lines of several threads never mix. Nothing on the
 * path of a request logs. The level is set once, before threads start, and only read afterwards. Any thread
 * may call.
 */
#ifndef RIPOSTE_LOG_H
#define RIPOSTE_LOG_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

enum log_level {
    LOG_LEVEL_ERROR,   /* the process cannot go on, or something it promised did not happen */
    LOG_LEVEL_WARNING, /* it goes on, but not as the operator asked */
    LOG_LEVEL_INFO,    /* start line, stop line */
    LOG_LEVEL_DEBUG,   /* -v */
    LOG_LEVEL_TRACE,   /* -vv */
};

/* Most bytes of one line, line end included; a longer one is cut. */
enum { LOG_LINE_SIZE_MAX = 1024 };

/*
 * Shows lines up to and including `level`. Call before other threads start. The level at program start is
 * LOG_LEVEL_INFO.
 */
void log_level_set(enum log_level level);
enum log_level log_level_get(void);

/*
 * Writes "riposte: <text>\n" (with "warning: " before the text at LOG_LEVEL_WARNING). Never fails and never
 * waits: what standard error does not take at once is lost, and the next line that it takes is preceded by one
 * that says how many were.
 */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif

#endif
