/* SPDX-License-Identifier: MIT
 *
 * scan: the ends of targets and of field values, several bytes at a time.
 *
 * Nothing outside [begin, end) is read, though a step may look at bytes before `at`.
 */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

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

/* The first control byte or space at or behind `at`, or `end`. */
static inline const char *http_scan_target(const char *begin, const char *at, const char *end) {
    for (; end - at >= HTTP_SCAN_STEP; at += HTTP_SCAN_STEP) {
        uint32_t ends = http_scan_target_step(at);
        if (ends != 0) {
            return at + __builtin_ctz(ends);
        }
    }
    if (end - begin >= HTTP_SCAN_STEP && at < end) {
        /* The last step again, less what lies before `at`. */
        const char *last = end - HTTP_SCAN_STEP;
        uint32_t ends = http_scan_target_step(last) >> (at - last);
        return ends != 0 ? at + __builtin_ctz(ends) : end;
    }
    while (at < end && !http_scan_ends_target_at((unsigned char)*at)) {
        at++;
    }
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
