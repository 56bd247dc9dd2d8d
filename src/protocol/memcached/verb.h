/* SPDX-License-Identifier: MIT
 *
 * verb: the first word of a command line.
 */
#ifndef MEMCACHED_VERB_H
#define MEMCACHED_VERB_H

#include <stdbool.h>

#include "request.h"

/* True and *verb when `word` is a command; commands are lower case. */
bool verb_find(struct bytes word, enum mc_verb *verb);

/* The first eight bytes of a word as one number, shorter words filled up with zero bytes. */
static inline uint64_t verb_word(const char *data, size_t size) {
    uint64_t word = 0;
    for (size_t i = 0; i < size && i < 8; i++) {
        word |= (uint64_t)(unsigned char)data[i] << (8 * i);
    }
    return word;
}

#endif
