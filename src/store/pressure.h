/* SPDX-License-Identifier: MIT
 *
 * pressure: getting memory when the allowance is used up.
 *
 *      0 ........................................ soft limit ....... limit
 *                  items, index, unfinished      |   limbo, growth  |
 *
 * Evicted memory comes free an epoch or two later. So a store that evicts keeps a reserve between the two
 * limits: it pushes out as much as it takes as soon as what is not in limbo reaches the soft limit, and
 * normally finds room at once. When the reserve is used up all the same (large values, another worker in a
 * long turn), the caller announces a quiescent state of its own, frees what has become free, and waits for
 * the others, at most some 20 ms (where the store may not evict, a few yields). Then it is STORE_NO_MEMORY.
 *
 * A growing index is promised its next table in the same way: the soft limit sinks by what it wants
 * (growth.wanted_size).
 *
 * Worker's own thread; the worker uses no pointer into the index found before.
 */
#ifndef RIPOSTE_STORE_PRESSURE_H
#define RIPOSTE_STORE_PRESSURE_H

#include "state.h"

/* Charges `size`, by all means described above. */
bool pressure_take(struct store_worker *worker, size_t size);

/*
 * A bounded share of the way down to the soft limit: after the limit was lowered. Returns whether more is
 * to do.
 */
bool pressure_relieve(struct store_worker *worker);

/* Charges `size`: the usual way. */
static inline bool pressure_charge(struct store_worker *worker, size_t size) {
    return likely(allowance_take(&worker->allowance, size)) || pressure_take(worker, size);
}

#endif
