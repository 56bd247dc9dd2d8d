/* SPDX-License-Identifier: MIT
 *
 * line: pieces of lines that are written in place. Each function writes at `at`, where there is room, and
 * returns behind what it wrote.
 */
#ifndef MEMCACHED_LINE_H
#define MEMCACHED_LINE_H

#include "riposte/bytes.h"
#include "answer.h"

/* Text of the program. */
static inline char *line_text(char *at, const char *text) {
    size_t size = strlen(text);
    memcpy(at, text, size);
    return at + size;
}

static inline char *line_number(char *at, uint64_t number) {
    return number_write(at, number);
}

/* RFC 3986 section 2: all but the unreserved bytes as % and two digits; up to three times key.size. */
char *line_escaped(char *at, struct bytes key);

#endif
