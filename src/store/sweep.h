/* SPDX-License-Identifier: MIT
 *
 * sweep: gives back the memory of dead items that nobody asks for.
 *
 *      no item in the index expires before sweep_due_tick                          (the invariant)
 *
 *      idle --now >= due, or a flush--> a pass over all homes, spread over time --> idle
 *                                                                    due = earliest expiry left behind
 *
 * Storing or touching an item that expires earlier than due lowers due; that is the one shared write, and
 * it stops as soon as due is early enough. A pass takes its share of homes per second, in pieces of at most
 * a few hundred per turn, so it costs a small part of one CPU however many items expire; where nothing
 * expires nothing is swept. One worker sweeps at a time, whichever has a turn.
 */
#ifndef RIPOSTE_STORE_SWEEP_H
#define RIPOSTE_STORE_SWEEP_H

#include "state.h"

/* Lowers due to `tick`. */
void sweep_lower_due(struct store *store, uint32_t tick);

/* An item with this expiry is in the index. Any thread. */
static inline void sweep_note(struct store *store, uint32_t expires_tick) {
    /* relaxed: a time for a look, no more; missing the newest value costs one exchange. */
    if (unlikely(expires_tick != STORE_EXPIRES_NEVER) &&
        expires_tick < atomic_load_explicit(&store->sweep_due_tick, memory_order_relaxed)) {
        sweep_lower_due(store, expires_tick);
    }
}

/* Whether there may be dead items. */
static inline bool sweep_is_due(const struct store_worker *worker) {
    const struct store *store = worker->store;
    /* relaxed, both: hints. */
    return atomic_load_explicit(&store->sweep.passing, memory_order_relaxed) ||
           atomic_load_explicit(&store->sweep_due_tick, memory_order_relaxed) <= worker_now_tick(worker);
}

/*
 * A piece of the pass, if one is due. Returns within how many ms the sweep wants another turn; 0: no need.
 * Worker's own thread.
 */
unsigned sweep_turn(struct store_worker *worker);

#endif
