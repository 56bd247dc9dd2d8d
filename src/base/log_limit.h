/* SPDX-License-Identifier: MIT
 *
 * log_limit: lines that a client can bring about again and again. At most so many a second are written; the next one that
 * is says how many were not. Any thread.
 */
#ifndef BASE_LOG_LIMIT_H
#define BASE_LOG_LIMIT_H

#include <stdatomic.h>
#include <stdint.h>

#include "riposte/log.h"

/* One per kind of line, shared by all threads. All zero but per_second_max is the beginning. */
struct log_limit {
    unsigned per_second_max; /* >= 1; constant */
    _Atomic uint64_t second; /* monotonic; of the lines counted */
    atomic_uint count;       /* lines of that second */
    atomic_uint left_out;    /* since the last one that was written */
};

/* As log_line, within the limit. */
void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
