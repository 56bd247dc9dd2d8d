/* SPDX-License-Identifier: MIT
 *
 * scan: the ends of targets and of field values, several bytes at a time.
 *
 * Nothing outside [begin, end) is read, though a step may look at bytes before `at`.
 */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include "scan_sse2.h"
#else
#include "scan_portable.h"
#endif

/* As a step, for one byte. */
static inline int http_scan_ends_target_at(unsigned char byte) {
    return byte <= ' ' || byte == 0x7f;
}

static inline int http_scan_ends_value_at(unsigned char byte) {
    return (byte < ' ' && byte != '\t') || byte == 0x7f;
}

static inline int http_scan_is_mark(char byte) {
    return byte == '#' || byte == '%' || byte == '?';
}

/*
 * The first control byte or space at or behind `at`, or `end`. *marked: one of '#', '%' and '?' stands from `at` to there, so
 * that there is more to read in the target than a path.
 */
static inline const char *http_scan_target(const char *begin, const char *at, const char *end, bool *marked) {
    uint32_t marks = 0;
    for (; end - at >= HTTP_SCAN_STEP; at += HTTP_SCAN_STEP) {
        uint32_t ends = http_scan_target_step(at);
        uint32_t here = http_scan_marks_step(at);
        if (ends != 0) {
            *marked = (marks | (here & (ends - 1) & ~ends)) != 0; /* those below the lowest end */
            return at + __builtin_ctz(ends);
        }
        marks |= here;
    }
    if (end - begin >= HTTP_SCAN_STEP && at < end) {
        /* The last step again, less what lies before `at`. */
        const char *last = end - HTTP_SCAN_STEP;
        uint32_t ends = http_scan_target_step(last) >> (at - last);
        uint32_t here = http_scan_marks_step(last) >> (at - last);
        *marked = (marks | (ends != 0 ? here & (ends - 1) & ~ends : here)) != 0;
        return ends != 0 ? at + __builtin_ctz(ends) : end;
    }
    for (; at < end && !http_scan_ends_target_at((unsigned char)*at); at++) {
        marks |= (uint32_t)http_scan_is_mark(*at);
    }
    *marked = marks != 0;
    return at;
}

/* The first control byte other than a tab at or behind `at`, or `end`. */
static inline const char *http_scan_value(const char *begin, const char *at, const char *end) {
    for (; end - at >= HTTP_SCAN_STEP; at += HTTP_SCAN_STEP) {
        uint32_t ends = http_scan_value_step(at);
        if (ends != 0) {
            return at + __builtin_ctz(ends);
        }
    }
    if (end - begin >= HTTP_SCAN_STEP && at < end) {
        const char *last = end - HTTP_SCAN_STEP;
        uint32_t ends = http_scan_value_step(last) >> (at - last);
        return ends != 0 ? at + __builtin_ctz(ends) : end;
    }
    while (at < end && !http_scan_ends_value_at((unsigned char)*at)) {
        at++;
    }
    return at;
}

#endif
