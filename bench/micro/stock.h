/* SPDX-License-Identifier: MIT
 *
 * stock: a store full of items, and keys to look for in it.
 *
 * Items 0 to items_count - 1 are there, with a key of 16 bytes and a value of any size each; higher numbers
 * are not. Keys are written down before the clock runs: a benchmark reads them from an array and does not
 * format numbers.
 */
#ifndef BENCH_STOCK_H
#define BENCH_STOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"
#include "riposte/store.h"

enum {
    STOCK_KEY_SIZE = 16,
    STOCK_QUIESCENT_EVERY = 256, /* operations between two quiescent states, about as in a busy worker */
};

struct stock {
    struct store *store; /* owned */
    uint64_t items_count;
    size_t value_size;
    char (*keys)[STOCK_KEY_SIZE]; /* owned; keys_count of them, drawn at random */
    uint64_t keys_count;          /* a power of two */
};

/* One thread's place at the stock. */
struct visitor {
    const struct stock *stock; /* borrowed */
    struct store_worker *worker;
    uint64_t at; /* the next key is keys[at mod keys_count] */
};

/* True when the machine has the memory. */
bool stock_fits(uint64_t items_count, size_t value_size);

/* Makes a store and stores every item. Ends the program where that fails. */
void stock_init(struct stock *stock, uint64_t items_count, size_t value_size);
void stock_deinit(struct stock *stock);

/* Draws the keys to come: of items that are there, or (hit false) of such that are not. */
void stock_draw(struct stock *stock, bool hit);

/* stopwatch's begin and end: `user` is the stock, the state a visitor. Threads begin at different keys. */
void *visitor_begin(void *user, unsigned thread_index);
void visitor_end(void *state);

static inline struct bytes visitor_key(struct visitor *visitor) {
    const struct stock *stock = visitor->stock;
    return bytes_of(stock->keys[visitor->at++ & (stock->keys_count - 1)], STOCK_KEY_SIZE);
}

/* Stores `key` anew. */
void visitor_put(struct visitor *visitor, struct bytes key);

/* Once per STOCK_QUIESCENT_EVERY operations. */
void visitor_quiescent(struct visitor *visitor);

#endif
