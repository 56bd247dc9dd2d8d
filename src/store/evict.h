/* SPDX-License-Identifier: MIT
 *
 * evict: making room, a segment at a time (S3-FIFO: Yang and others, SOSP 2023).
 *
 *      new items --> SMALL, oldest segment: used since? --yes--> MAIN, oldest segment: used since? --yes--+
 *                                  | no                            ^      | no       (one use less)      |
 *                                  v                               +------|-------------------------------+
 *                              ghosts <-----------------------------------+
 *
 * Which segment, in this order:
 *  1. one in which everything has expired or was flushed;
 *  2. one of which at least a quarter is dead, tail included: what lives is copied, nothing is pushed out;
 *  3. the oldest of the small queue, if that holds more than its share (ghost.h), otherwise of main.
 * Segments that replies send from stay where they are: they would not come free.
 *
 * A worker empties one segment at a time, some hundred items per turn; all entries of the index that led there
 * are gone then, and it is retired. Copies go into the worker's own open segments, with the item's number
 * written into them, because their place has another; two slots are kept for that, so that making room never
 * waits for room. Where even these are gone, or a round has copied much and won nothing, items go that should
 * have stayed.
 *
 * Between two turns a reserve is kept free (arena_reserve). A store that finds none all the same (large values, a
 * late worker) announces quiescent states of its own, empties segments and waits, bounded by
 * RECLAIM_WAIT_NS_MAX (2 s) and RECLAIM_PAUSES_MAX without any segment won by any worker, and RECLAIM_WAIT_ALL_NS_MAX (20 s)
 * in all: then it is STORE_NO_MEMORY. A server must not hold a worker's other clients so long: with turn_wait_us all
 * that is waited for in a turn is bounded by that, and the request may be asked again in the next one (store_put_off).
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

enum evict_try {
    EVICT_NOT_TRIED, /* there is room enough, or on its way, or none for copies */
    EVICT_NOTHING,   /* no segment can be emptied */
    EVICT_EMPTIED,
};

/* For who needs `size` bytes now: empties a whole segment, where the reserve is not full. */
enum evict_try evict_try(struct store_worker *worker, size_t size);

/*
 * --- expire.c ---
 *
 * expire: the clock, and giving back the memory of dead items that nobody asks for.
 *
 *      no item in the index has expired before sweep.due_tick - EXPIRE_DELAY_S       (the invariant)
 *
 *      idle --now >= due, or a flush--> a round over the segments --> idle
 *                                       due = earliest expiry left behind
 *
 * What expires together lies together, so most segments go as a whole: one whose last expiry has passed is
 * emptied. One of which only some items have expired is swept: these are taken out, and it is not looked at again
 * for a sixteenth of the time that its last item has left, at most half a minute.
 *
 * Storing or touching an item that expires earlier than due lowers due; that is the one shared write, and it
 * stops as soon as due is early enough. One worker at a time looks for segments; each sweeps its own.
 */
/* So long after its end an item may still be met, and then counts as such, before it is taken out unasked. */
enum { EXPIRE_DELAY_S = 2 };

/* When an item that expires then is to be taken out; UINT32_MAX: beyond the clock's end. */
static inline uint32_t expire_due(uint32_t expires_tick) {
    return expires_tick < UINT32_MAX - EXPIRE_DELAY_S ? expires_tick + EXPIRE_DELAY_S : UINT32_MAX;
}

/* The first joining starts the clock (under store->lock); a turn sets the worker's time. */
void expire_start_clock(struct store *store, uint64_t now_ns);
void expire_set_clock(struct store_worker *worker, uint64_t now_ns);

/* Lowers due to `tick`. */
void expire_lower_due(struct store *store, uint32_t tick);

/* Something is to be looked at then. Any thread. */
static inline void expire_note_due(struct store *store, uint32_t due_tick) {
    /* relaxed: a time for a look, no more; missing the newest value costs one exchange. */
    if (unlikely(due_tick < atomic_load_explicit(&store->sweep.due_tick, memory_order_relaxed))) {
        expire_lower_due(store, due_tick);
    }
}

/* An item with this expiry is in the segment. */
static inline void expire_note(struct store_worker *worker, struct segment *segment, uint32_t expires_tick) {
    if (unlikely(expires_tick != STORE_EXPIRES_NEVER)) {
        /* What has expired before it was stored waits like the rest. */
        uint32_t now_tick = worker_now_tick(worker);
        expires_tick = expires_tick < now_tick ? now_tick : expires_tick;
        expire_note_due(worker->store, expire_due(expires_tick));
    }
    segment_note_expiry(segment, expires_tick);
}

/*
 * A piece of work, if one is due. Returns within how many ms it wants another turn; 0: no need. Worker's own
 * thread.
 */
unsigned expire_turn(struct store_worker *worker);

/* Ends the sweep of a segment that the worker has begun: it leaves. */
void expire_finish(struct store_worker *worker);

/*
 * --- reclaim.c ---
 *
 * reclaim: what is out of the index and may still be read: segments and overflow buckets, until every worker has
 * passed a quiescent state (epoch.h) and, of segments, until no reply sends from them.
 *
 * Lists without memory of their own: segments are linked in their descriptors, buckets in index.overflow_links.
 * Worker's own thread.
 */
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
 * store_put_off was called between.
 */
void reclaim_refuse(struct store_worker *worker);
static inline void reclaim_settle_refusal(struct store_worker *worker) {
    if (unlikely(worker->room_was_coming)) {
        worker->room_was_coming = false;
        counter_add(&worker->counters.no_memory, 1);
    }
}

#endif
