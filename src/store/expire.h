/* SPDX-License-Identifier: MIT
 *
 * expire: the clock that items live by, and when what expires is to be looked for (sweep.h does that).
 *
 *      monotonic ns --expire_set_clock, once per turn--> worker->now_tick --+ clock_advance_s--> tick
 *
 *      no item in the index has expired before sweep.due_tick - EXPIRE_DELAY_S       (the invariant)
 *
 * Storing or touching an item that expires earlier than due lowers due; that is the one shared write, and it
 * stops as soon as due is early enough.
 *
 * Worker's own thread, but where another is named.
 */
#ifndef RIPOSTE_STORE_EXPIRE_H
#define RIPOSTE_STORE_EXPIRE_H

#include "segment.h"
#include "state.h"

/* So long after its end an item may still be met, and then counts as such, before it is taken out unasked. */
enum { EXPIRE_DELAY_S = 2 };

/* When an item that expires then is to be taken out; UINT32_MAX: beyond the clock's end. */
static inline uint32_t expire_due(uint32_t expires_tick) {
    return expires_tick < UINT32_MAX - EXPIRE_DELAY_S ? expires_tick + EXPIRE_DELAY_S : UINT32_MAX;
}

/* The first joining starts the clock (under store->lock); a turn sets the worker's time. */
void expire_start_clock(struct store *store, uint64_t now_ns);
void expire_set_clock(struct store_worker *worker, uint64_t now_ns);

/* Lowers due to `tick`. Any thread. */
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

#endif
