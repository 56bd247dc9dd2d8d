/* SPDX-License-Identifier: MIT
 *
 * quantity: numbers as people write and read them: 250k, 1.5m, 16k bytes, 200ms.
 *
 * For command lines and reports, not for the wire. No locale, no floating point. Any thread may call.
 */
#ifndef LOAD_QUANTITY_H
#define LOAD_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"

enum { QUANTITY_TEXT_SIZE_MAX = 32 };

/* What the formatting functions write: ends in NUL. */
struct quantity_text {
    char text[QUANTITY_TEXT_SIZE_MAX];
};

/*
 * Digits with an optional decimal part and a unit; the result must be whole. False leaves the target alone.
 */
bool quantity_parse_count(struct bytes text, uint64_t *count); /* k m g: thousands */
bool quantity_parse_size(struct bytes text, uint64_t *size);   /* bytes; k m g: 1024, 1024^2, 1024^3 */
bool quantity_parse_duration(struct bytes text,
                             uint64_t *time_ns); /* ns us ms s m h; without a unit seconds */
bool quantity_parse_millionths(struct bytes text, uint64_t *millionths); /* 0.99 is 990000 */

/* 351,234 */
struct quantity_text quantity_format_count(uint64_t count);

/* Four significant digits and a unit: 68.10 us, 1.203 s, 850 ns. */
struct quantity_text quantity_format_duration(uint64_t time_ns);

/* 32 B, 16 KiB, 1.5 MiB; for rates of bytes too. */
struct quantity_text quantity_format_size(uint64_t size);

#endif
