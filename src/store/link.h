/* SPDX-License-Identifier: MIT
 *
 * link: an item and the entry of the index that leads to it: found or locked by its key, taken out, and all that is counted
 * then. Whoever meets a dead item here takes it out. What makes items and what makes room for them both stand on this.
 *
 * Worker's own thread, between two quiescent states; no lock held, but where a place is open.
 */
#ifndef RIPOSTE_STORE_LINK_H
#define RIPOSTE_STORE_LINK_H

#include "flush_table.h"
#include "index.h"
#include "state.h"

/* --- whether an item lives, and what is told of it --- */

static inline bool link_item_lives(const struct store_worker *worker, const struct item *item,
                                   uint32_t location) {
    return likely(!worker_item_expired(worker, item)) &&
           (likely(!flush_table_doubts(worker->store, location)) ||
            !flush_table_has_taken(worker->store, item, location));
}

/* What few items have: out of line, the registers are the others'. */
static __attribute__((noinline, unused)) void link_view_marks(const struct item *item,
                                                              struct item_view *view) {
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
static inline_always void link_view_spot(const struct store *store, const struct arena_spot *spot,
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
    if ((shape_marks(shape) & ~(unsigned)ITEM_SHOWN) != 0) {
        link_view_marks(spot->item, view);
    }
}

static inline void link_view(const struct store *store, uint32_t location, struct item_view *view) {
    struct arena_spot spot = arena_spot_of(&store->arena, location);
    link_view_spot(store, &spot, view);
}

/* --- counting --- */

/* The memory of a dead item is taken again: counts that. */
void link_count_reclaimed(struct store_worker *worker, const struct item *item);

/* An item comes into the index, or goes: `size` as of arena_item_size. */
static inline_always void link_count_added(struct store_worker *worker, size_t size) {
    counter_add(&worker->counters.items_added, 1);
    counter_add(&worker->items_size_added, size);
}

static inline_always void link_count_removed(struct store_worker *worker, size_t size) {
    counter_add(&worker->counters.items_removed, 1);
    counter_add(&worker->items_size_removed, size);
}

/* --- numbers: see put.h --- */

static inline _Atomic uint64_t *link_floor(const struct store *store, uint64_t hash) {
    return &store->floors[hash & store->floors_mask];
}

/* A number leaves the index. relaxed: a key's numbers change under the lock of its home. */
static inline void link_floor_raise(const struct store *store, uint64_t hash, uint64_t cas) {
    _Atomic uint64_t *floor = link_floor(store, hash);
    uint64_t present = atomic_load_explicit(floor, memory_order_relaxed);
    while (cas > present && arena_has_drawn(&store->arena, cas) &&
           !atomic_compare_exchange_weak_explicit(floor, &present, cas, memory_order_relaxed,
                                                  memory_order_relaxed)) {
        continue;
    }
}

/* --- ahead of a look-up: see link.c --- */

enum { LINK_PREFETCH_HOMES_MIN = 8192 /* 512 KiB of homes: fewer stay in a core's own cache */ };

/*
 * The second step: asks for the item of a key whose home is here; which one it will be is guessed from the tag alone. Most small
 * items lie on two lines. Returns as index_see.
 */
static inline const void *link_prefetch_item(const struct store *store, uint64_t homes_count, uint64_t hash) {
    enum { LINE_SIZE = 64 };
    const _Atomic uint32_t *entry = index_see(index_home(&store->index, homes_count, hash), hash);
    if (entry != NULL) {
        uint32_t location = atomic_load_explicit(entry, memory_order_relaxed); /* a hint */
        const char *item = (const char *)arena_item(&store->arena, location);
        __builtin_prefetch(item, 0, 3);
        __builtin_prefetch(item + LINE_SIZE, 0, 3);
    }
    return entry;
}

/* Once a turn: whether prefetching helps. */
void link_turn(struct store_worker *worker);

/* The homes asked for may be looked at now: asks for the items of those that are left. */
void link_prefetch_finish(struct store_worker *worker);

static inline void link_prefetch_end(struct store_worker *worker) {
    if (unlikely(worker->prefetches_count != 0)) {
        link_prefetch_finish(worker);
    }
}

/* --- looking up --- */

/* A look-up has found a dead item: counts that and takes it out, if it is still there. */
void link_meet_dead(struct store_worker *worker, uint64_t hash, uint32_t location);

/* The location of a key's live item, or 0: a dead one is counted as met and taken out. */
uint32_t link_find(struct store_worker *worker, uint64_t hash, struct bytes key);

/* What was found, if it lives: a dead one is counted as met and taken out. */
static inline_always struct index_found link_living(struct store_worker *worker, uint64_t hash,
                                                    struct index_found found) {
    if (found.location != 0 && unlikely(!link_item_lives(worker, found.item, found.location))) {
        link_meet_dead(worker, hash, found.location);
        found.location = 0;
    }
    return found;
}

/* As link_find, and the item itself; behind link_prefetch_end. */
static inline_always struct index_found link_find_item(struct store_worker *worker, uint64_t hash,
                                                       struct bytes key) {
    return link_living(worker, hash, index_find_item(worker->store, hash, key));
}

/* --- places --- */

/* Takes place->item out and counts it; the place stays open. */
void link_remove(struct store_worker *worker, struct place *place);

/* The item of a place just opened is dead: counted as met and taken out. */
void link_open_dead(struct store_worker *worker, struct place *place);

/* Locks the place of a key. A dead item there is counted as met and taken out. */
void link_open(struct store_worker *worker, uint64_t hash, struct bytes key, struct place *place);

/* The same inline, for the commonest of all. */
static inline_always void link_open_place(struct store_worker *worker, uint64_t hash, struct bytes key,
                                          struct place *place) {
    link_prefetch_end(worker);
    place_open_key(worker, hash, key, place);
    if (unlikely(place->item != NULL && !link_item_lives(worker, place->item, place->location))) {
        link_open_dead(worker, place);
    }
}

#endif
