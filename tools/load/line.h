/* SPDX-License-Identifier: MIT
 *
 * line: cutting lines and words from bytes of the wire; bounded, never past the end.
 */
#ifndef LOAD_LINE_H
#define LOAD_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "reply.h"

/*
 * The first line of `input`, without "\r\n": REPLY_READ and *line; REPLY_MORE when it has no end yet;
 * REPLY_BAD when it is longer than REPLY_HEAD_SIZE_MAX or ends in a bare line feed.
 */
static inline enum reply_status line_take(struct bytes input, struct reply_head *head, struct bytes *line) {
    size_t looked_at = input.size < REPLY_HEAD_SIZE_MAX ? input.size : REPLY_HEAD_SIZE_MAX;
    const char *feed = looked_at == 0 ? NULL : memchr(input.data, '\n', looked_at);
    if (feed == NULL) {
        head->reason = "a line without an end";
        return looked_at < REPLY_HEAD_SIZE_MAX ? REPLY_MORE : REPLY_BAD;
    }
    if (feed == input.data || feed[-1] != '\r') {
        head->reason = "a line that ends without a carriage return";
        return REPLY_BAD;
    }
    *line = bytes_of(input.data, (size_t)(feed - input.data) - 1);
    return REPLY_READ;
}

/* The next word of *line, up to a space or its end; moves *line behind it and one space. Empty at the end. */
static inline struct bytes line_take_word(struct bytes *line) {
    size_t size = 0;
    while (size < line->size && line->data[size] != ' ') {
        size++;
    }
    struct bytes word = bytes_of(line->data, size);
    size_t skipped = size < line->size ? size + 1 : size;
    *line = bytes_of(line->data + skipped, line->size - skipped);
    return word;
}

static inline bool line_begins(struct bytes line, const char *text) {
    size_t size = strlen(text);
    return line.size >= size && memcmp(line.data, text, size) == 0;
}

#endif
