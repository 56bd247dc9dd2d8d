/* SPDX-License-Identifier: MIT
 *
 * supply: what an operation needs in hand before it locks anything.
 *
 * Everything here may evict, wait a little and pass a quiescent state (pressure.h): pointers into the index
 * that were found before are not to be used after. So an operation first takes what it needs and then
 * looks. Worker's own thread.
 */
#ifndef RIPOSTE_STORE_SUPPLY_H
#define RIPOSTE_STORE_SUPPLY_H

#include "state.h"

/* Room in limbo and a spare bucket, for one operation on one place. False when memory ends. */
bool supply_ensure(struct store_worker *worker);

/*
 * The two that neither evict nor wait, and so leave pointers good: room for entries_count in limbo, and
 * buckets_count spare buckets. False when the budget does not give it at once.
 */
bool supply_limbo(struct store_worker *worker, size_t entries_count);
bool supply_buckets(struct store_worker *worker, unsigned buckets_count);

enum {
    SUPPLY_LIMBO_REMOVAL = 2
}; /* entries: what taking one item out may need, for itself and for the bucket left empty */

/* A charged item, or NULL when memory ends. */
struct item *supply_item(struct store_worker *worker, const struct item_shape *shape);

/*
 * Frees an item that nobody else can reach, and takes its charge back; or keeps its block for the next one.
 */
void supply_return(struct store_worker *worker, struct item *item, size_t charge);

/* Sets how much may be kept, by the limit in force. */
void supply_bound_shelf(struct store_worker *worker);

/* Frees the blocks that were kept and not needed since the last time. */
void supply_trim_shelf(struct store_worker *worker);

/* Frees all blocks that were kept. */
void supply_clear_shelf(struct store_worker *worker);

/* One of the spare buckets that were ensured, empty. */
struct bucket *supply_take_bucket(struct store_worker *worker);

/* Gives back most of what a burst has left in spares. */
void supply_trim(struct store_worker *worker);

/*
 * Gives back all spares but for one chunk, which the next worker in this structure begins with: the worker
 * leaves.
 */
void supply_discard(struct store_worker *worker);

#endif
