/* SPDX-License-Identifier: MIT
 *
 * line: pieces of text that are written in place, as between reply_reserve and reply_commit. Each function
 * writes at `at`, where there is room, and returns behind what it wrote; numbers are number_write's. Any
 * thread.
 */
#ifndef PROTOCOL_LINE_H
#define PROTOCOL_LINE_H

#include "riposte/bytes.h"

static inline char *line_bytes(char *at, struct bytes bytes) {
    memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

/* Text of the program. */
static inline char *line_text(char *at, const char *text) {
    return line_bytes(at, bytes_from_string(text));
}

/*
 * RFC 3986 section 2: all but the unreserved bytes as % and two upper case digits; up to three times
 * text.size bytes.
 */
char *line_escaped(char *at, struct bytes text);

#endif
