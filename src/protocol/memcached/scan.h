/* SPDX-License-Identifier: MIT
 *
 * scan: where a word ends.
 *
 * Words of a command line end at a space or a line feed and nowhere else (section 1 of the contract), so one
 * search serves both the next word and the end of the line. Two variants with one name: 16 bytes at a step
 * where SSE2 is at hand, 8 bytes at a step elsewhere. Neither reads outside [begin, end).
 */
#ifndef MEMCACHED_SCAN_H
#define MEMCACHED_SCAN_H

#ifdef __SSE2__
#include "scan_sse2.h"
#else
#include "scan_portable.h"
#endif

/*
 * The first space or line feed in [at, end), or `end`. begin <= at: bytes from `begin` on may be read (and
 * are ignored), which lets the last step overlap what came before instead of going byte by byte.
 */
static inline const char *scan_word(const char *begin, const char *at, const char *end) {
    while (end - at >= SCAN_STEP) {
        uint32_t ends = scan_ends(at);
        if (ends != 0) {
            return at + __builtin_ctz(ends);
        }
        at += SCAN_STEP;
    }
    if (end - begin >= SCAN_STEP) {
        const char *last = end - SCAN_STEP;
        uint32_t ends = scan_ends(last) >> (at - last);
        return ends != 0 ? at + __builtin_ctz(ends) : end;
    }
    while (at < end && *at != ' ' && *at != '\n') {
        at++;
    }
    return at;
}

#endif
