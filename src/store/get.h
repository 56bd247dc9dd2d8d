/* SPDX-License-Identifier: MIT
 *
 * get: what meeting an item means: what is told of it, and that a dead one goes.
 *
 * Worker's own thread, between two quiescent states, no lock held.
 */
#ifndef RIPOSTE_STORE_GET_H
#define RIPOSTE_STORE_GET_H

#include "index.h"
#include "put.h"
#include "state.h"

/* Fills the view with what the item says before the present use; won is false. */
static inline void get_view(const struct store *store, struct item *item, uint32_t location,
                            struct item_view *view) {
    unsigned marks = item_marks(item);
    uint32_t used = item_used(item);
    view->key = item_key(item);
    view->value = bytes_of(item_value(item), item_value_size(item));
    view->cas = store_item_cas(store, item, location);
    view->client_flags = item_client_flags(item);
    view->expires_tick = item_expires(item);
    view->used_tick = used >> ITEM_TICK_SHIFT;
    view->fetched = (used & ITEM_FETCHED) != 0;
    view->key_is_binary = (marks & ITEM_KEY_BINARY) != 0;
    view->stale = (marks & ITEM_STALE) != 0;
    view->won_before = (marks & ITEM_WON) != 0;
    view->won = false;
    view->pin = &store->arena.segments[arena_segment_of(&store->arena, location)];
}

/* A look-up has met a dead item: counts that. */
void get_count_dead(struct store_worker *worker, const struct item *item);

/* The location of a key's live item, or 0: a dead one is counted as met and taken out. */
uint32_t get_find(struct store_worker *worker, uint64_t hash, struct bytes key);

/* The homes asked for may be looked at now: asks for the items of those that are left. */
void get_prefetch_finish(struct store_worker *worker);

static inline void get_prefetch_end(struct store_worker *worker) {
    if (unlikely(worker->prefetches_count != 0)) {
        get_prefetch_finish(worker);
    }
}

#endif
