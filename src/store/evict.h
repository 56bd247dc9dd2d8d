/* SPDX-License-Identifier: MIT
 *
 * evict: making room, a segment at a time (S3-FIFO: Yang and others, SOSP 2023).
 *
 *      new items --> SMALL, oldest segment: used since? --yes--> MAIN, oldest segment: used since? --yes--+
 *                                  | no                            ^      | no       (one use less)      |
 *                                  v                               +------|-------------------------------+
 *                              ghosts <-----------------------------------+
 *
 * Which segment: candidate.h.
 *
 * A worker empties one segment at a time, some hundred items per turn; all entries of the index that led there
 * are gone then, and it is retired. Copies go into the worker's own open segments, with the item's number
 * written into them, because their place has another; two slots are kept for that, so that making room never
 * waits for room. Where even these are gone, or a round has copied much and won nothing, items go that should
 * have stayed.
 *
 * Between two turns a reserve is kept free (arena_reserve). Who finds none all the same asks reclaim.h.
 *
 * Worker's own thread.
 */
#ifndef RIPOSTE_STORE_EVICT_H
#define RIPOSTE_STORE_EVICT_H

#include "segment.h"
#include "state.h"

/* A bounded piece, where the reserve is not full; returns within how many ms it wants another turn; 0: no need. */
unsigned evict_turn(struct store_worker *worker);

/*
 * Begins to empty a segment that the caller has dequeued and marked EMPTIED. The worker is emptying none. Under the arena's lock,
 * so that whoever finds the queue shorter finds the segment among what is coming.
 */
void evict_begin(struct store_worker *worker, uint32_t index, enum evict_mode mode);

/* Ends what the worker has begun: it leaves. */
void evict_finish(struct store_worker *worker);

/* How often all segments have been looked at. relaxed: a number to wait for. */
static inline uint32_t evict_rounds(const struct store *store) {
    return atomic_load_explicit(&store->arena.scan_rounds, memory_order_relaxed);
}

/* There may be segments from before a flush. relaxed: a hint; the next turn of any worker looks. */
static inline void evict_set_flushed_wait(struct store *store, bool wait) {
    atomic_store_explicit(&store->flushed_wait, wait, memory_order_relaxed);
}

enum evict_try {
    EVICT_NOT_TRIED, /* there is room enough, or on its way, or none for copies */
    EVICT_NOTHING,   /* no segment can be emptied */
    EVICT_EMPTIED,
};

/* For who needs `size` bytes now: empties a whole segment, where the reserve is not full. */
enum evict_try evict_try(struct store_worker *worker, size_t size);

#endif
