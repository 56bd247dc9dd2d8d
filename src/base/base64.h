/* SPDX-License-Identifier: MIT
 *
 * base64: any bytes as letters, with padding (RFC 4648 section 4). Pure; any thread.
 */
#ifndef RIPOSTE_BASE_BASE64_H
#define RIPOSTE_BASE_BASE64_H

#include <stdbool.h>

#include "riposte/bytes.h"

/* Bytes of text that `size` bytes make. */
#define BASE64_TEXT_SIZE(size) (((size) + 2) / 3 * 4)

/*
 * Decodes `text` into `data`, which has room for text.size / 4 * 3 bytes; *size is what was written, at
 * least 1. False when it is no base64: a length that is no multiple of four, nothing at all, a byte of no
 * meaning. Unused bits of the last letter are ignored.
 */
bool base64_decode(struct bytes text, char *data, size_t *size);

/* Writes BASE64_TEXT_SIZE(data.size) letters and returns behind them. */
char *base64_encode(char *text, struct bytes data);

#endif
