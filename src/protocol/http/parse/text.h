/* SPDX-License-Identifier: MIT
 *
 * text: bytes as HTTP sorts and compares them (RFC 9110 section 5.6).
 */
#ifndef HTTP_TEXT_H
#define HTTP_TEXT_H

#include "riposte/bytes.h"

/* Non-zero for the bytes of a token: names of methods and fields, parameters, codings. */
extern const unsigned char http_text_token[256];

static inline bool http_text_is_token(char byte) {
    return http_text_token[(unsigned char)byte] != 0;
}

static inline bool http_text_is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

static inline bool http_text_is_space(char byte) {
    return byte == ' ' || byte == '\t';
}

/* 0 to 15 for a hexadecimal digit, -1 for any other byte. */
static inline int http_text_hex(char byte) {
    if (http_text_is_digit(byte)) {
        return byte - '0';
    }
    char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* True when `text` is `lower`, which holds no capital letter, whatever the case of its letters. */
bool http_text_equal(struct bytes text, const char *lower);

/* Without white space at either end. */
struct bytes http_text_trim(struct bytes text);

/* True when `text` is one token or more bytes of it, nothing else. */
bool http_text_all_token(struct bytes text);

/*
 * Takes the next element off the front of a comma-separated list, trimmed; empty elements are skipped, as
 * RFC 9110 section 5.6.1 asks. False at the end. Commas inside quoted strings separate, too: the lists this
 * is for (codings, connection options, cache directives) hold none.
 */
bool http_text_list_next(struct bytes *list, struct bytes *element);

#endif
