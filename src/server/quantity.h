/* SPDX-License-Identifier: MIT
 *
 * quantity: numbers as people write them: 64k, 1g, 30%, 0700. Pure functions; any thread may call.
 */
#ifndef RIPOSTE_SERVER_QUANTITY_H
#define RIPOSTE_SERVER_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/bytes.h"

#define QUANTITY_KIB UINT64_C(1024)
#define QUANTITY_MIB (1024 * QUANTITY_KIB)
#define QUANTITY_GIB (1024 * QUANTITY_MIB)

/* Longest text of quantity_format, terminator included. */
enum { QUANTITY_TEXT_SIZE_MAX = 24 };

/*
 * Digits, then perhaps k, m or g in either case (powers of 1024); without one the number counts `unit`. False
 * beyond 2^64 - 1.
 */
bool quantity_parse(struct bytes text, uint64_t unit, uint64_t *quantity);

/* 1% to 100% of `whole`, rounded down. */
bool quantity_parse_percent(struct bytes text, uint64_t whole, uint64_t *quantity);

/* One to eleven octal digits. */
bool quantity_parse_octal(struct bytes text, uint64_t *quantity);

/* The shortest exact text: 65536 is 64k, 1000 is 1000, -1 is -1. */
void quantity_format(int64_t quantity, char text[QUANTITY_TEXT_SIZE_MAX]);

#endif
