/* SPDX-License-Identifier: MIT
 *
 * index_grow: counts the items, and lets the index grow and shrink with them, a home at a time; a walk over all homes that goes on
 * meanwhile. index_grow.c draws how.
 *
 * Worker's own thread, but where another is named.
 */
#ifndef RIPOSTE_STORE_INDEX_GROW_H
#define RIPOSTE_STORE_INDEX_GROW_H

#include "index.h"

enum {
    INDEX_BATCH = 64,       /* items that a worker adds or removes before it tells */
    INDEX_STEPS_STORE = 16, /* homes that growth is moved on by after a batch of stores, */
    INDEX_STEPS_TURN = 64,  /* and in a turn */
};

/* The cold half of index_count. */
void index_tell_count(struct store_worker *worker);

/* One more (1) or one less (-1) item in the index; sets worker->resize_due now and then. */
static inline void index_count(struct store_worker *worker, int difference) {
    worker->items_delta += difference;
    if (unlikely(worker->items_delta >= INDEX_BATCH || worker->items_delta <= -INDEX_BATCH)) {
        index_tell_count(worker);
    }
}

/* Whether there are more items than the homes should hold. Any thread. */
bool index_wants_to_grow(const struct index *index);

/* A bounded piece of growing or shrinking; true when there is more to do. */
bool index_resize(struct store_worker *worker, unsigned steps_max);

/* After an operation that may have changed the number of items. */
static inline void index_help_resize(struct store_worker *worker) {
    if (unlikely(worker->resize_due)) {
        worker->resize_due = false;
        index_resize(worker, INDEX_STEPS_STORE);
    }
}

/*
 * Calls `look` for the homes of the next steps, at most one more than homes_max, and moves the cursor on. No home is
 * split or joined meanwhile; none is locked.
 */
void index_walk_homes(struct store_worker *worker, struct store_cursor *cursor, unsigned homes_max,
                      void (*look)(void *user, struct bucket *home), void *user);

/* Inside `look`: whether an item with this hash belongs to the present step; others of the home belong to another. */
bool index_step_has(const struct store_cursor *cursor, uint64_t hash);

#endif
