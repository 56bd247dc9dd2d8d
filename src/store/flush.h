/* SPDX-License-Identifier: MIT
 *
 * flush: everything stored, or everything stored under a prefix, is gone at once, and nothing is visited for it.
 *
 *      flush --> F = next number of the store's sequence; (prefix, F) goes into a new table, which is published
 *      meet an item --> opened before doubt_number? --no--> lives              (one comparison; doubt_number is
 *                            | yes                                              the greatest F)
 *                            v
 *                       the longest prefix of its key in the table has F > the item's order? --yes--> dead
 *      between turns --> a round over the index takes out what is dead; then no older item can exist, and
 *                        what was flushed before the round began is forgotten
 *
 * An item's order is its CAS, where that comes from the sequence, otherwise the number of its segment. It says
 * "stored before F" of everything that was: the number was drawn before, or the segment opened before. It would
 * say so, too, of an item that is stored after F into a segment opened before; so whoever stores looks at the
 * table (flush_table_would_take), under the lock of the key's home, and gives such an item a number drawn now, or,
 * where a client has chosen its CAS, a place in a segment opened now. A copy keeps its order the same ways, or goes into a
 * segment whose number is above the item's own: then its order is above, too, and a flush between the two was seen (1).
 *
 * Why the order against sets holds, in acquire and release alone:
 *  1. F is drawn, the table and doubt_number are written under the arena's lock, under which segments get
 *     their numbers and workers theirs. So whoever has a number or a segment above F has seen F's table before; what it
 *     replaces or copies it has judged by that table, under the lock of the home.
 *  2. Stored and answered before the flush was asked for: its order is below F. Whoever was told that the
 *     flush is done was told so by a message that orders its look at doubt_number: gone for every client.
 *  3. Stored by a request that came after the flush was answered: by the same message who stores sees F's table, and
 *     the item's order is above F: it lives.
 *  4. A request that overlaps with the flush may go either way, once.
 *
 * Why a round proves that a flush can be forgotten: the round looks at each home under its lock after its worker
 * has seen F. What was there with an order below F is taken out. Whoever locks the home later sees, by that lock,
 * at least the table that the round saw, and so publishes nothing below F there. A reader without a lock may have found
 * an entry before the round took it out: the row stays until all of them have passed a quiescent state; a copy of an item that the round
 * has taken out is dropped, because its entry is gone. A worker that stores without F's row, after it was forgotten,
 * has seen doubt_number without it (acquire), and whoever finds the item sees no older doubt_number (by the
 * item's publication).
 *
 * Tables are retired as segments are: freed when every worker has passed a quiescent state (epoch.h).
 */
#ifndef RIPOSTE_STORE_FLUSH_H
#define RIPOSTE_STORE_FLUSH_H

#include "segment.h"
#include "state.h"

struct flush_table;

/* When a delayed flush falls due; 0: none waits. relaxed, both: a clock orders nothing. */
static inline uint32_t flush_at_tick(const struct store *store) {
    return atomic_load_explicit(&store->flush_at_tick, memory_order_relaxed);
}

static inline void flush_set_at_tick(struct store *store, uint32_t at_tick) {
    atomic_store_explicit(&store->flush_at_tick, at_tick, memory_order_relaxed);
}

/* The cold half of flush_if_due: of all workers that see the moment pass the first one flushes. */
void flush_fall_due(struct store_worker *worker, uint32_t at_tick);

/* Carries a delayed flush out whose moment the clock has passed. After expire_set_clock. */
static inline void flush_if_due(struct store_worker *worker) {
    uint32_t at_tick = flush_at_tick(worker->store);
    if (unlikely(at_tick != 0) && at_tick <= worker_now_tick(worker)) {
        flush_fall_due(worker, at_tick);
    }
}

void flush_init(struct store *store);

/* All workers have left. */
void flush_deinit(struct store *store);

/* A table, charged and the store's from now on, that another process has left; NULL: none. Before there are workers. */
void flush_take(struct store *store, struct flush_table *table, size_t charged_size);

/* The cold half of flush_turn. */
unsigned flush_work(struct store_worker *worker);

/*
 * A piece of the round, if one is due. Returns within how many ms it wants another turn; 0: no need. In a quiescent
 * state.
 */
static inline unsigned flush_turn(struct store_worker *worker) {
    /* relaxed: a hint; who has set it goes on itself. */
    return likely(!atomic_load_explicit(&worker->store->flush_sweep.is_busy, memory_order_relaxed))
               ? 0
               : flush_work(worker);
}

#endif
