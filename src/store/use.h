/* SPDX-License-Identifier: MIT
 *
 * use: what meeting an item means: what is told of it, that it counts as used, and that a dead one goes.
 *
 * Worker's own thread, between two quiescent states, no lock needed.
 */
#ifndef RIPOSTE_STORE_USE_H
#define RIPOSTE_STORE_USE_H

#include "state.h"

/* Moment of the last use, in sixteenths of a second on the store's clock, of which `now` is the present. */
static inline uint64_t use_moment(const struct item *item, uint64_t now) {
    /* relaxed: a moment orders nothing. */
    uint32_t age = (uint32_t)now - atomic_load_explicit(&item->used, memory_order_relaxed);
    /* Another worker's clock may be a little ahead of ours. */
    return age > INT32_MAX ? now : now - age;
}

/* Fills the view with what the item says before the present use; won is false. */
static inline void use_view(struct item *item, uint64_t now, struct item_view *view) {
    unsigned marks = item_marks(item);
    view->key = item_key(item);
    view->value = bytes_of(item_value(item), item->value_size);
    view->cas = item_cas(item);
    view->client_flags = item_client_flags(item);
    view->expires_tick = item_expires(item);
    view->used_tick = (uint32_t)(use_moment(item, now) / ITEM_USED_PER_TICK);
    view->fetched = (marks & ITEM_FETCHED) != 0;
    view->key_is_binary = (marks & ITEM_KEY_BINARY) != 0;
    view->stale = (marks & ITEM_STALE) != 0;
    view->won_before = (marks & ITEM_WON) != 0;
    view->won = false;
    view->item = item;
}

/* Notes the moment. Writes only what changes at the resolution in force (evict.h). */
static inline void use_touch(const struct store *store, struct item *item, uint64_t now) {
    /* relaxed, all: the moment is a hint to eviction. */
    uint32_t used = atomic_load_explicit(&item->used, memory_order_relaxed);
    unsigned shift = atomic_load_explicit(&store->used_shift, memory_order_relaxed);
    if (unlikely((used ^ (uint32_t)now) >> shift != 0)) {
        atomic_store_explicit(&item->used, (uint32_t)now, memory_order_relaxed);
    }
}

/* Counts as a use by a reader. */
static inline void use_item(const struct store *store, struct item *item, uint64_t now) {
    use_touch(store, item, now);
    /* relaxed: as above. */
    if (unlikely(!item_has(item, ITEM_FETCHED))) {
        atomic_fetch_or_explicit(&item->marks, ITEM_FETCHED, memory_order_relaxed);
    }
}

/* A look-up has met a dead item: counts that. */
void use_count_dead(struct store_worker *worker, const struct item *item);

/* The memory of a dead item is taken again: counts that. */
void use_count_reclaimed(struct store_worker *worker, const struct item *item);

/* Takes a dead item out and counts it; returns its charge, 0 when another was faster or limbo has no room. */
size_t use_reclaim(struct store_worker *worker, const struct item *item);

/* The live item of a key, or NULL: a dead one is counted as met and taken out. */
struct item *use_find(struct store_worker *worker, uint64_t hash, struct bytes key);

#endif
