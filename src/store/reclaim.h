/* SPDX-License-Identifier: MIT
 *
 * reclaim: what is out of the index and may still be read: segments and overflow buckets, until every worker has
 * passed a quiescent state (epoch.h) and, of segments, until no reply sends from them.
 *
 * Lists without memory of their own: segments are linked in their descriptors, buckets in index.overflow_links.
 * Between two turns eviction keeps a reserve free (evict.h). A store that finds none all the same (large values, a
 * late worker) announces quiescent states of its own, empties segments and waits, bounded by
 * RECLAIM_WAIT_NS_MAX (2 s) and RECLAIM_PAUSES_MAX without any segment won by any worker, and RECLAIM_WAIT_ALL_NS_MAX (20 s)
 * in all: then it is STORE_NO_MEMORY. A server must not hold a worker's other clients so long: with turn_wait_us all
 * that is waited for in a turn is bounded by that, and the request may be asked again in the next one (store_deferred).
 *
 * Worker's own thread.
 */
#ifndef RIPOSTE_STORE_RECLAIM_H
#define RIPOSTE_STORE_RECLAIM_H

#include "state.h"

/* Announces a quiescent state, moves the epoch on where that helps, and frees what has become free. */
void reclaim_pass(struct store_worker *worker);

/* The worker leaves: hands what is left to the store. Under store->lock. */
void reclaim_leave(struct store_worker *worker);

/* Takes over what workers that have left could not free. */
void reclaim_adopt(struct store_worker *worker);

/* When no worker is there: segments that nobody sends from. */
void reclaim_free_orphans(struct store *store);

/* Something of this worker waits to be freed. */
static inline bool reclaim_waits(const struct store_worker *worker) {
    return worker->retired.first != SEGMENT_NONE || worker->pinned.first != SEGMENT_NONE ||
           worker->buckets_retired_count != 0;
}

struct reclaim_wait {
    unsigned rounds;
    unsigned pauses;   /* since something was won: what a late worker is given is chances to run, not time */
    uint64_t first_ns; /* of the first pause; 0: none yet */
    uint64_t began_ns; /* of the first since something was won, by whomever */
    uint64_t sequence; /* of the arena, then */
};

/*
 * One attempt to make room for `size` bytes; the caller tries to take it and calls again. False where there is
 * no hope. Passes a quiescent state.
 */
bool reclaim_make_room(struct store_worker *worker, size_t size, struct reclaim_wait *wait);

/* Waits a little for other workers; false when that has lasted too long, or as long as a turn may. */
bool reclaim_pause(struct store_worker *worker, struct reclaim_wait *wait);

/*
 * A request found no memory. It counts as refused: at once or, where memory is on its way, with the next settling, unless
 * store_deferred was called between.
 */
void reclaim_refuse(struct store_worker *worker);
static inline void reclaim_settle_refusal(struct store_worker *worker) {
    if (unlikely(worker->room_was_coming)) {
        worker->room_was_coming = false;
        counter_add(&worker->counters.no_memory, 1);
    }
}

#endif
