/* SPDX-License-Identifier: MIT
 *
 * log_limit: counts lines by the second.
 */
#include "log_limit.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "riposte/clock.h"

/*
 * True when one more line may be written. Who comes first in a new second begins the count again; a line more or less
 * there, where threads meet, does not matter. relaxed, here and below: numbers, they order nothing.
 */
static bool limit_take(struct log_limit *limit) {
    uint64_t second = clock_monotonic_ns() / CLOCK_NS_PER_S + 1; /* 0 is the beginning */
    uint64_t known = atomic_load_explicit(&limit->second, memory_order_relaxed);
    if (known != second && atomic_compare_exchange_strong_explicit(
                               &limit->second, &known, second, memory_order_relaxed, memory_order_relaxed)) {
        atomic_store_explicit(&limit->count, 0, memory_order_relaxed);
    }
    return atomic_fetch_add_explicit(&limit->count, 1, memory_order_relaxed) < limit->per_second_max;
}

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...) {
    char text[LOG_LINE_SIZE_MAX];
    if (level > log_level_get()) {
        return;
    }
    if (!limit_take(limit)) {
        atomic_fetch_add_explicit(&limit->left_out, 1, memory_order_relaxed);
        return;
    }
    unsigned left_out = atomic_exchange_explicit(&limit->left_out, 0, memory_order_relaxed);
    if (left_out > 0) {
        log_line(level, "%u more lines like the next one were left out", left_out);
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    log_line(level, "%s", text);
}
