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

/*
 * Digits behind an optional '+', leading zeros without end: what strtoull(3) takes of a word, a minus sign excepted.
 * False, and *number untouched, for anything else and what overflows.
 */
static inline bool number_parse_plus(struct bytes text, uint64_t *number) {
    size_t first = text.size > 0 && text.data[0] == '+';
    uint64_t value = 0;
    if (first == text.size) {
        return false;
    }
    for (size_t i = first; i < text.size; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *number = value;
    return true;
}

/* The same with either sign, as strtoll(3): -2^63 to 2^63 - 1. */
static inline bool number_parse_sign(struct bytes text, int64_t *number) {
    bool negative = text.size > 1 && text.data[0] == '-' && text.data[1] != '+';
    uint64_t magnitude;
    if (!number_parse_plus(bytes_of(text.data + negative, text.size - negative), &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    /* Negated as unsigned: -(2^63) has no positive counterpart in int64_t. */
    *number = (int64_t)(negative ? 0 - magnitude : magnitude);
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

/* The digits of the numbers below 100, two each. */
static const char number_pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

/* Two digits of a number below 100. */
static inline void number_write_two(char *at, uint32_t number) {
    memcpy(at, number_pairs + (size_t)2 * number, 2);
}

/*
 * Writes `number` at `at`, which has room for BYTES_U64_DIGITS_MAX bytes, and returns behind it; up to four digits,
 * which most numbers of an answer have, at once.
 */
static inline char *number_write(char *at, uint64_t number) {
    if (number < 10) {
        *at = (char)('0' + number);
        return at + 1;
    }
    uint32_t small = (uint32_t)number; /* so that the divisions are narrow */
    if (number < 100) {
        number_write_two(at, small);
        return at + 2;
    }
    if (number >= 10000) {
        return at + bytes_format_u64(at, number);
    }
    number_write_two(at, small / 100);
    if (small < 1000) {
        at[0] = at[1];
        at--;
    }
    number_write_two(at + 2, small % 100);
    return at + 4;
}

#endif
