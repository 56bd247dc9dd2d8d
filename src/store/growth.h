/* SPDX-License-Identifier: MIT
 *
 * growth: doubling the index while everybody works on.
 *
 *      one table --begin--> table -> next --step, step, ...--> all migrated --end--> one table
 *                                                                               and the old one is retired
 *
 * When: an eighth of the homes have an overflow bucket, which random keys reach at about 4.9 items a home
 * (of 7 entries). Counting overflow buckets needs no count of items that all writers would share; the items
 * are summed up only when that many are reached, to be sure.
 *
 * Who: each store moves a few homes on, each turn some more; one worker at a time, the others go on without
 * waiting. No request waits for growth, and nothing happens at once that grows with the table, except in
 * the kernel (mapping; unmapping is done in pieces).
 *
 * Memory: the new table is charged before it is mapped, and the old one until it is unmapped; the two may
 * take half of the limit. A full store does not push out items for a table as long as chains are only a
 * little too long: an item is worth more than a step. At 7 items a home, where a chain is the rule, it
 * does: what the table needs is announced (wanted_size), and eviction makes room bit by bit.
 *
 * Worker's own thread.
 */
#ifndef RIPOSTE_STORE_GROWTH_H
#define RIPOSTE_STORE_GROWTH_H

#include "state.h"

enum { GROWTH_STEP_STORE = 1, GROWTH_STEP_TURN = 64 }; /* homes moved on by a store, by a turn */

static inline bool growth_is_under_way(const struct store *store) {
    const struct table *table = atomic_load_explicit(&store->index.table, memory_order_acquire);
    /* relaxed: only a question; whoever acts upon it takes the lock. */
    return atomic_load_explicit(&table->next, memory_order_relaxed) != NULL;
}

/* Begins growth where it is time and memory allows. */
void growth_consider(struct store_worker *worker);

/* Migrates up to homes_max homes; returns at once when another worker is at it. */
void growth_step(struct store_worker *worker, unsigned homes_max);

/* What each storing operation contributes. */
static inline void growth_help(struct store_worker *worker) {
    if (unlikely(worker->growth_hint)) {
        growth_consider(worker);
    }
    if (unlikely(growth_is_under_way(worker->store))) {
        growth_step(worker, GROWTH_STEP_STORE);
    }
}

#endif
