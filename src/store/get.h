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

/* What few items have. */
static inline void get_view_marks(const struct item *item, struct item_view *view) {
    unsigned marks = item_marks(item);
    uint64_t own_cas = item_own_cas(item);
    view->value.size = item_value_size(item);
    view->cas = own_cas != 0 ? own_cas : view->cas;
    view->client_flags = item_client_flags(item);
    view->expires_tick = item_expires(item);
    view->key_is_binary = (marks & ITEM_KEY_BINARY) != 0;
    view->stale = (marks & ITEM_STALE) != 0;
    view->won_before = (marks & ITEM_WON) != 0;
}

/* Fills the view with what the item says before the present use; won is false. */
static inline_always void get_view_spot(const struct store *store, const struct arena_spot *spot,
                                        struct item_view *view) {
    /* Loaded once: the compiler may not leave an atomic load out. */
    uint32_t shape = item_shape(spot->item), used = item_used(spot->item);
    char *key = spot->item->bytes + item_extra_size(shape_marks(shape));
    *view = (struct item_view){
        .key = bytes_of(key, shape & 0xff),
        .value = bytes_of(key + (shape & 0xff), shape >> ITEM_SIZE_SHIFT),
        .cas = arena_number(&store->arena, spot->segment) + spot->step,
        .expires_tick = STORE_EXPIRES_NEVER,
        .used_tick = used >> ITEM_TICK_SHIFT,
        .fetched = (used & ITEM_FETCHED) != 0,
        .pin = &store->arena.segments[spot->segment],
    };
    if (shape_marks(shape) != 0) {
        get_view_marks(spot->item, view);
    }
}

static inline void get_view(const struct store *store, uint32_t location, struct item_view *view) {
    struct arena_spot spot = arena_spot_of(&store->arena, location);
    get_view_spot(store, &spot, view);
}

/* A look-up has met a dead item: counts that. */
void get_count_dead(struct store_worker *worker, const struct item *item);

/* The location of a key's live item, or 0: a dead one is counted as met and taken out. */
uint32_t get_find(struct store_worker *worker, uint64_t hash, struct bytes key);

/* Once a turn: whether prefetching helps. */
void get_turn(struct store_worker *worker);

/* The homes asked for may be looked at now: asks for the items of those that are left. */
void get_prefetch_finish(struct store_worker *worker);

static inline void get_prefetch_end(struct store_worker *worker) {
    if (unlikely(worker->prefetches_count != 0)) {
        get_prefetch_finish(worker);
    }
}

#endif
