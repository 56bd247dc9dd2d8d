/* SPDX-License-Identifier: MIT
 *
 * number: numbers of request lines and answers, beside what riposte/bytes.h reads and writes: with a sign,
 * behind one another on a line, and small ones written without a division. Pure; any thread.
 */
#ifndef PROTOCOL_NUMBER_H
#define PROTOCOL_NUMBER_H

#include <stdbool.h>

#include "riposte/bytes.h"

/* Most characters of a number of 32 bits with its sign. */
enum { NUMBER_I32_CHARACTERS_MAX = 11 };

/*
 * -2^31 to 2^31 - 1, digits behind an optional '-', in at most NUMBER_I32_CHARACTERS_MAX characters. False,
 * and *number untouched, for anything else.
 */
static inline bool number_parse_i32(struct bytes text, int32_t *number) {
    int64_t wide;
    if (text.size > NUMBER_I32_CHARACTERS_MAX || !bytes_parse_i64(text, &wide) || wide < INT32_MIN ||
        wide > INT32_MAX) {
        return false;
    }
    *number = (int32_t)wide;
    return true;
}

/* Up to this many digits fit 32 bits whatever they are. */
enum { NUMBER_SCAN_DIGITS_MAX = 9 };

/*
 * Reads 1 to NUMBER_SCAN_DIGITS_MAX digits at `at` and returns where they end; NULL when there are none or
 * more, or when they run into `end`. The quick way for the numbers that are usual.
 */
static inline const char *number_scan(const char *at, const char *end, uint32_t *number) {
    const char *first = at;
    uint32_t value = 0;
    while (at < end && (unsigned char)(*at - '0') <= 9) {
        value = value * 10 + (uint32_t)(*at - '0');
        at++;
        if (at - first > NUMBER_SCAN_DIGITS_MAX) {
            return NULL;
        }
    }
    *number = value;
    return at > first && at < end ? at : NULL;
}

/*
 * Writes `number` at `at`, which has room for BYTES_U64_DIGITS_MAX bytes, and returns behind it; one and two
 * digits, which most numbers of an answer have, at once.
 */
static inline char *number_write(char *at, uint64_t number) {
    if (number >= 100) {
        return at + bytes_format_u64(at, number);
    }
    if (number >= 10) {
        *at++ = (char)('0' + number / 10);
    }
    *at = (char)('0' + number % 10);
    return at + 1;
}

#endif
