/* SPDX-License-Identifier: MIT
 *
 * fixture: a store full of items, and keys to look for in it.
 *
 * Items 0 to items_count - 1 are there, with a key of 16 bytes and a value of any size each; higher numbers
 * are not. Keys are written down before the clock runs: a benchmark reads them from an array and does not
 * format numbers.
 */
#ifndef BENCH_FIXTURE_H
#define BENCH_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"
#include "riposte/store.h"

enum {
    FIXTURE_KEY_SIZE = 16,
    FIXTURE_QUIESCENT_EVERY = 256, /* operations between two quiescent states, about as in a busy worker */
};

struct fixture {
    struct store *store; /* owned */
    uint64_t items_count;
    size_t value_size;
    char (*keys)[FIXTURE_KEY_SIZE]; /* owned; keys_count of them, drawn at random */
    uint64_t keys_count;            /* a power of two */
};

/* One thread that works on the fixture. */
struct fixture_thread {
    const struct fixture *fixture; /* borrowed */
    struct store_worker *worker;
    uint64_t at; /* the next key is keys[at mod keys_count] */
};

/* True when the machine has the memory. */
bool fixture_fits(uint64_t items_count, size_t value_size);

/* Makes a store and stores every item. Ends the program where that fails. */
void fixture_init(struct fixture *fixture, uint64_t items_count, size_t value_size);
void fixture_deinit(struct fixture *fixture);

/* Draws the keys to come: of items that are there, or (hit false) of such that are not. */
void fixture_draw(struct fixture *fixture, bool hit);

/* As that with hits, in the first half of the keys of items with an even number, in the second of those with an odd one. */
void fixture_draw_halves(struct fixture *fixture);

/* stopwatch's begin and end: `user` is the fixture, the state a thread. Threads begin at different keys. */
void *fixture_thread_begin(void *user, unsigned thread_index);
void fixture_thread_end(void *state);

static inline struct bytes fixture_thread_key(struct fixture_thread *thread) {
    const struct fixture *fixture = thread->fixture;
    return bytes_of(fixture->keys[thread->at++ & (fixture->keys_count - 1)], FIXTURE_KEY_SIZE);
}

/* Stores `key` anew. */
void fixture_thread_put(struct fixture_thread *thread, struct bytes key);

/* Once per FIXTURE_QUIESCENT_EVERY operations. */
void fixture_thread_quiescent(struct fixture_thread *thread);

#endif
