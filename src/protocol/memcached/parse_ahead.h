/* SPDX-License-Identifier: MIT
 *
 * parse_ahead: a quick look at requests whose turn comes later, for the key that the store may fetch
 * meanwhile.
 *
 * What it says is a hint. It may take a word for a key that is none, and gives up where a line is unusual;
 * the request itself is read by parse.c when its turn comes. Pure; any thread.
 */
#ifndef MEMCACHED_PARSE_AHEAD_H
#define MEMCACHED_PARSE_AHEAD_H

#include <stdbool.h>

#include "riposte/bytes.h"

/*
 * The request at the front of `input`: its key, and its size with a data block, which may be more than there
 * is.
 */
struct mc_ahead {
    struct bytes key; /* 1 to STORE_KEY_SIZE_MAX bytes, within the input */
    size_t size;
};

/*
 * False when the line is not complete, has no key, or does not say how long its data block is in the usual
 * form.
 */
bool mc_parse_ahead(struct bytes input, struct mc_ahead *ahead);

#endif
