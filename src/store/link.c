/* SPDX-License-Identifier: MIT
 *
 * link: finding the item of a key, ahead of time or now, and taking what is dead out of the index. The hot path of the
 * whole server stands first: a hash, one line of the index, one of the item. See link.h.
 *
 * Prefetching is done in two steps:
 *
 *      store_prefetch of key n      asks for the home of key n, and for the item of key n - 8, whose home has come
 *                                   by now
 *      the first look-up after it   asks for the items of the last 8
 *
 * A small index stays in the CPU's own cache: its homes need no first step, items are asked for at once.
 */
#include "link.h"

#include "index_grow.h"
#include "segment.h"

enum {
    PREFETCH_ITEMS_MIN = 2048, /* with their homes 256 KiB and more */
};

/* --- looking up --- */

uint64_t store_hash(const struct store_worker *worker, struct bytes key) {
    return index_hash(&worker->store->index, key);
}

enum store_status store_get(struct store_worker *worker, struct bytes key, struct item_view *view) {
    link_prefetch_end(worker);
    struct index_found found = link_find_item(worker, store_hash(worker, key), key);
    if (unlikely(found.location == 0)) {
        return STORE_MISS;
    }
    link_view(worker->store, found.location, view);
    item_use(found.item, worker_now_tick(worker), ITEM_FETCHED);
    return STORE_OK;
}

enum store_absence store_absence_take(struct store_worker *worker) {
    enum store_absence absence = worker->absence;
    worker->absence = STORE_ABSENT;
    return absence;
}

/* --- what is met dead, and taken out --- */

/* A look-up has met a dead item: counts that. One that is both counts as flushed, as in memcached. */
static void count_dead(struct store_worker *worker, const struct item *item, uint32_t location) {
    const struct store *store = worker->store;
    bool flushed = !worker_item_expired(worker, item) ||
                   (flush_table_doubts(store, location) && flush_table_has_taken(store, item, location));
    counter_add(flushed ? &worker->counters.get_flushed : &worker->counters.get_expired, 1);
    worker->absence = flushed ? STORE_ABSENT_FLUSHED : STORE_ABSENT_EXPIRED;
}

void link_count_reclaimed(struct store_worker *worker, const struct item *item) {
    counter_add(&worker->counters.reclaimed, 1);
    if (worker_item_expired(worker, item) && (item_used(item) & ITEM_FETCHED) == 0) {
        counter_add(&worker->counters.expired_unfetched, 1);
    }
}

void link_remove(struct store_worker *worker, struct place *place) {
    uint32_t location = place->location;
    size_t size = arena_item_size(&worker->store->arena, place->item);
    link_floor_raise(worker->store, place->hash, store_item_cas(worker->store, place->item, location));
    place_clear(worker, place);
    link_count_removed(worker, size);
    index_count(worker, -1);
    segment_kill(worker, location, size);
}

__attribute__((cold, noinline)) void link_meet_dead(struct store_worker *worker, uint64_t hash,
                                                    uint32_t location) {
    struct place place;
    const struct item *item = arena_item(&worker->store->arena, location);
    count_dead(worker, item, location);
    place_open_location(worker, hash, location, &place);
    if (place.item != NULL && !link_item_lives(worker, item, location)) {
        link_count_reclaimed(worker, item);
        link_remove(worker, &place);
    }
    place_close(&place);
}

uint32_t link_find(struct store_worker *worker, uint64_t hash, struct bytes key) {
    link_prefetch_end(worker);
    return link_find_item(worker, hash, key).location;
}

__attribute__((cold, noinline)) void link_open_dead(struct store_worker *worker, struct place *place) {
    count_dead(worker, place->item, place->location);
    link_count_reclaimed(worker, place->item);
    link_remove(worker, place);
}

void link_open(struct store_worker *worker, uint64_t hash, struct bytes key, struct place *place) {
    link_open_place(worker, hash, key, place);
}

/* --- prefetching --- */

bool store_prefetch_helps(const struct store_worker *worker) {
    return worker->prefetch_helps;
}

void link_turn(struct store_worker *worker) {
    worker->prefetch_helps = index_items_count(&worker->store->index) >= PREFETCH_ITEMS_MIN;
}

uint64_t store_prefetch(struct store_worker *worker, struct bytes key) {
    const struct store *store = worker->store;
    uint64_t hash = index_hash(&store->index, key);
    uint64_t homes_count = index_homes_count(&store->index);
    if (homes_count < LINK_PREFETCH_HOMES_MIN) {
        link_prefetch_item(store, homes_count, hash);
        return hash;
    }
    uint64_t *waiting = &worker->prefetches[worker->prefetches_count % STORE_PREFETCHES_MAX];
    __builtin_prefetch(index_home(&store->index, homes_count, hash), 0, 3);
    if (worker->prefetches_count >= STORE_PREFETCHES_MAX) {
        link_prefetch_item(store, homes_count, *waiting);
    }
    *waiting = hash;
    worker->prefetches_count++;
    return hash;
}

__attribute__((noinline)) void link_prefetch_finish(struct store_worker *worker) {
    unsigned count =
        worker->prefetches_count < STORE_PREFETCHES_MAX ? worker->prefetches_count : STORE_PREFETCHES_MAX;
    uint64_t homes_count = index_homes_count(&worker->store->index);
    worker->prefetches_count = 0;
    for (unsigned i = 0; i < count; i++) {
        link_prefetch_item(worker->store, homes_count, worker->prefetches[i]);
    }
}
