/* SPDX-License-Identifier: MIT
 *
 * tokens: the words of a line, separated by one or more spaces and nothing else.
 */
#ifndef MEMCACHED_TOKENS_H
#define MEMCACHED_TOKENS_H

#include "riposte/bytes.h"
#include "scan.h"

/* Words of a line that are told apart (README.md, "Framing and limits"). */
enum { TOKENS_MAX = 23 };

struct tokens {
    unsigned count;
    struct bytes token[TOKENS_MAX]; /* count of them; what follows the last one is not looked at */
};

/* Takes the next word off the front of `line` (which holds no line feed); an empty one at the end. */
static inline struct bytes tokens_next(struct bytes *line) {
    const char *end = line->data + line->size;
    const char *at = line->data;
    while (at < end && *at == ' ') {
        at++;
    }
    const char *stop = scan_word(line->data, at, end);
    *line = bytes_of(stop, (size_t)(end - stop));
    return bytes_of(at, (size_t)(stop - at));
}

/* Cuts a line without its end. */
static inline void tokens_split(struct tokens *tokens, struct bytes line) {
    tokens->count = 0;
    while (tokens->count < TOKENS_MAX) {
        struct bytes token = tokens_next(&line);
        if (token.size == 0) {
            return;
        }
        tokens->token[tokens->count++] = token;
    }
}

/* True when there is a word of that number, from 0, and it is `word`. */
static inline bool tokens_are(const struct tokens *tokens, unsigned index, const char *word) {
    return index < tokens->count && bytes_equal_string(tokens->token[index], word);
}

/* The last word; empty when there is none. */
static inline struct bytes tokens_last(const struct tokens *tokens) {
    return tokens->count > 0 ? tokens->token[tokens->count - 1] : bytes_of(NULL, 0);
}

#endif
