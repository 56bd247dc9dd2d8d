/* SPDX-License-Identifier: MIT
 *
 * scan: where a word, or anything else that one of two bytes ends, is over.
 *
 * For the short runs that request lines are made of; memchr is as good where one byte ends a long one. Two
 * variants with one name: 16 bytes at a step where SSE2 is at hand, 8 bytes at a step elsewhere. Neither
 * reads outside [begin, end). Pure; any thread.
 */
#ifndef PROTOCOL_SCAN_H
#define PROTOCOL_SCAN_H

#ifdef __SSE2__
#include "scan_sse2.h"
#else
#include "scan_portable.h"
#endif

/*
 * The first byte in [at, end) that is `one` or `other`, or `end`. begin <= at: bytes from `begin` on may be
 * read (and are ignored), which lets the last step overlap what came before instead of going byte by byte.
 * With constants for the two bytes all of it is a handful of instructions.
 */
static inline const char *scan_either(const char *begin, const char *at, const char *end, char one,
                                      char other) {
    while (end - at >= SCAN_STEP) {
        uint32_t ends = scan_mask(at, one, other);
        if (ends != 0) {
            return at + __builtin_ctz(ends);
        }
        at += SCAN_STEP;
    }
    if (end - begin >= SCAN_STEP) {
        const char *last = end - SCAN_STEP;
        uint32_t ends = scan_mask(last, one, other) >> (at - last);
        return ends != 0 ? at + __builtin_ctz(ends) : end;
    }
    while (at < end && *at != one && *at != other) {
        at++;
    }
    return at;
}

/*
 * Where the word at `at` ends: the first space or line feed, or `end`. One search for both the next word and
 * the end of the line. `begin` as above.
 */
static inline const char *scan_word(const char *begin, const char *at, const char *end) {
    return scan_either(begin, at, end, ' ', '\n');
}

#endif
