/* SPDX-License-Identifier: MIT
 *
 * number: the numbers of command lines that the common scanners do not know.
 */
#ifndef MEMCACHED_NUMBER_H
#define MEMCACHED_NUMBER_H

#include <stdbool.h>

#include "riposte/bytes.h"

/* Most characters of a 32-bit argument (section 2 of the contract). */
enum { NUMBER_32_DIGITS_MAX = 11 };

/* -2^31 to 2^31 - 1, digits behind an optional '-': an exptime or TTL. */
static inline bool number_parse_i32(struct bytes text, int32_t *number) {
    int64_t wide;
    if (text.size > NUMBER_32_DIGITS_MAX || !bytes_parse_i64(text, &wide) || wide < INT32_MIN ||
        wide > INT32_MAX) {
        return false;
    }
    *number = (int32_t)wide;
    return true;
}

/* Up to this many digits fit 32 bits whatever they are. */
enum { NUMBER_QUICK_DIGITS_MAX = 9 };

/*
 * Reads 1 to NUMBER_QUICK_DIGITS_MAX digits at `at` and returns where they end; NULL when there are none or
 * more, or when they run into `end`. The quick way for the numbers that are usual.
 */
static inline const char *number_scan(const char *at, const char *end, uint32_t *number) {
    const char *first = at;
    uint32_t value = 0;
    while (at < end && (unsigned char)(*at - '0') <= 9) {
        value = value * 10 + (uint32_t)(*at - '0');
        at++;
        if (at - first > NUMBER_QUICK_DIGITS_MAX) {
            return NULL;
        }
    }
    *number = value;
    return at > first && at < end ? at : NULL;
}

#endif
