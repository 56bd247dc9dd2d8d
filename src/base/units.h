/* SPDX-License-Identifier: MIT
 *
 * units: numbers as people write and read them: 64k, 30%, 1.5m requests, 200ms, 0700.
 *
 * For command lines and reports, not for the wire. No locale; nothing is read in floating point. Pure; any
 * thread may call.
 */
#ifndef RIPOSTE_BASE_UNITS_H
#define RIPOSTE_BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/bytes.h"

#define UNITS_KIB UINT64_C(1024)
#define UNITS_MIB (1024 * UNITS_KIB)
#define UNITS_GIB (1024 * UNITS_MIB)

/* What the functions below write: ends in NUL. */
enum { UNITS_TEXT_SIZE_MAX = 32 };

struct units_text {
    char text[UNITS_TEXT_SIZE_MAX];
};

/* --- reading ----------------------------------------------------------------------------------------------
 *
 * Digits, perhaps a point and up to nine decimals, perhaps a unit; what it comes to must be whole and below
 * 2^64. False leaves the target alone.
 */

/* Bytes: k, m, g in either case are powers of 1024; without one the number counts `unit` bytes. */
bool units_parse_size(struct bytes text, uint64_t unit, uint64_t *size);

/* k, m, g in either case are powers of 1000. */
bool units_parse_count(struct bytes text, uint64_t *count);

/* Nanoseconds: ns, us, ms, s, m, h; without a unit seconds. */
bool units_parse_duration(struct bytes text, uint64_t *time_ns);

/* A number without a unit, in millionths: 0.99 is 990000. */
bool units_parse_millionths(struct bytes text, uint64_t *millionths);

/* 1% to 100% of `whole`, rounded down; no decimals. */
bool units_parse_percent(struct bytes text, uint64_t whole, uint64_t *part);

/* One to eleven octal digits. */
bool units_parse_octal(struct bytes text, uint64_t *number);

/* --- writing, exactly: what the functions above read -------------------------------------------------------
 */

/* The shortest: 64k, 1000, 3072g. */
struct units_text units_format_size(uint64_t size);

/* In the largest unit that leaves no remainder: 200ms, 90s, 24h; 0 is 0s. */
struct units_text units_format_duration(uint64_t time_ns);

/* --- writing, for eyes ------------------------------------------------------------------------------------
 */

/* In groups of three: 351,234. */
struct units_text units_show_count(uint64_t count);

/* Four significant digits: 32 B, 16.00 KiB, 1.500 MiB; for rates of bytes too. */
struct units_text units_show_size(uint64_t size);

/* Four significant digits: 850 ns, 68.10 us, 1.203 s. */
struct units_text units_show_duration(uint64_t time_ns);

#endif
