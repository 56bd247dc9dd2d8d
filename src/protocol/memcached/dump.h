/* SPDX-License-Identifier: MIT
 *
 * dump: a listing of keys, written in pieces so that nobody waits for it.
 *
 * Each piece visits a bounded number of items and buckets; between two pieces other connections are served
 * and the output drains. The walk is the store's (store_walk): what is there all the time is listed, what
 * comes and goes may be.
 */
#ifndef MEMCACHED_DUMP_H
#define MEMCACHED_DUMP_H

#include "call.h"

enum dump_kind {
    DUMP_META,  /* lru_crawler metadump: key=... lines, END */
    DUMP_MG,    /* lru_crawler mgdump: mg lines, EN */
    DUMP_CACHE, /* stats cachedump: ITEM lines, END */
};

struct dump {
    enum dump_kind kind;
    bool empty;          /* a class that never has items */
    uint32_t items_left; /* lines that may still be written */
    uint32_t size_left;  /* bytes that may still be written */
    struct store_cursor cursor;
};

/*
 * Begins a listing: the session is in state DUMP, or an error was answered and it is not. The listing counts
 * as a request at its end. items_max, size_max: UINT32_MAX for no bound.
 */
void dump_begin(struct mc_call *call, enum dump_kind kind, bool empty, uint32_t items_max, uint32_t size_max);

/* Writes the next piece. Always false: whether it is the last or not, others come first. */
bool dump_continue(struct mc_call *call);

/* The connection is gone in the state DUMP. */
void dump_discard(struct dump *dump);

#endif
