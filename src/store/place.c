/* SPDX-License-Identifier: MIT
 *
 * place: finding and changing an entry under its home's lock. See place.h; rules W1 to W5 stand in index.h.
 */
#include "place.h"

#include "index.h"
#include "lock.h"
#include "prefetch.h"
#include "retire.h"
#include "supply.h"
#include "sweep.h"
#include "use.h"

/* The home of a key that is not migrated, locked. */
static struct bucket *place_lock_home(struct store_worker *worker, uint64_t hash) {
    const struct table *table = index_table(&worker->store->index);
    for (;;) {
        struct bucket *home = table_home(table, hash);
        if (likely(lock_take(worker, home))) {
            return home;
        }
        /* acquire: the next table is complete. */
        table = atomic_load_explicit(&table->next, memory_order_acquire);
    }
}

static void place_found(struct place *place, struct bucket *bucket, unsigned i, struct item *item) {
    place->item = item;
    place->bucket = bucket;
    place->entry = &bucket->entries[i];
}

/* Looks for the key in one bucket of the chain. */
static bool place_look(struct place *place, struct bucket *bucket, uint64_t tag, struct bytes key) {
    for (uint32_t matches = match_tag(bucket, tag); matches != 0;) {
        unsigned i = match_next(&matches);
        /* relaxed: entries change under the lock that we hold. */
        struct item *item = entry_item(atomic_load_explicit(&bucket->entries[i], memory_order_relaxed));
        if (item_has_key(item, key)) {
            place_found(place, bucket, i, item);
            return true;
        }
    }
    return false;
}

static _Atomic uint64_t *bucket_free_entry(struct bucket *bucket) {
    for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
        if (atomic_load_explicit(&bucket->entries[i], memory_order_relaxed) == 0) {
            return &bucket->entries[i];
        }
    }
    return NULL;
}

static bool bucket_is_empty(const struct bucket *bucket) {
    uint64_t any = 0;
    for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
        any |= atomic_load_explicit(&bucket->entries[i], memory_order_relaxed);
    }
    return any == 0;
}

void place_open_any(struct store_worker *worker, uint64_t hash, struct bytes key, struct place *place) {
    prefetch_end(worker);
    struct bucket *bucket = place_lock_home(worker, hash);
    *place = (struct place){.hash = hash, .home = bucket};
    uint64_t tag = entry_tag(hash);
    while (bucket != NULL) {
        if (place_look(place, bucket, tag, key)) {
            return;
        }
        if (place->free_entry == NULL) {
            place->free_entry = bucket_free_entry(bucket);
        }
        place->last = bucket;
        /* relaxed: links change under the lock that we hold. */
        bucket = bucket_header_next(atomic_load_explicit(&bucket->header, memory_order_relaxed));
    }
}

/* The end of the chain and its first free entry, after a bucket may have gone. */
static void place_look_again(struct place *place) {
    place->free_entry = NULL;
    for (struct bucket *bucket = place->home; bucket != NULL;
         bucket = bucket_header_next(atomic_load_explicit(&bucket->header, memory_order_relaxed))) {
        if (place->free_entry == NULL) {
            place->free_entry = bucket_free_entry(bucket);
        }
        place->last = bucket;
    }
}

/* A client's operation has met a dead item: it counts, goes, and leaves its entry free. */
static void place_drop_dead(struct store_worker *worker, struct place *place) {
    use_count_dead(worker, place->item);
    use_count_reclaimed(worker, place->item);
    place_remove(worker, place);
    place_look_again(place);
}

void place_open(struct store_worker *worker, uint64_t hash, struct bytes key, struct place *place) {
    place_open_any(worker, hash, key, place);
    if (unlikely(place->item != NULL && !worker_item_lives(worker, place->item))) {
        place_drop_dead(worker, place);
    }
}

void place_open_existing(struct store_worker *worker, uint64_t hash, struct bytes key, struct place *place) {
    bool room = supply_limbo(worker, SUPPLY_LIMBO_REMOVAL);
    place_open_any(worker, hash, key, place);
    if (likely(place->item == NULL || worker_item_lives(worker, place->item))) {
        return;
    }
    if (room) {
        place_drop_dead(worker, place);
    } else {
        use_count_dead(worker, place->item);
        place->item = NULL;
    }
}

void place_close(struct place *place) {
    lock_release(place->home);
}

void place_set_expiry(struct store_worker *worker, struct place *place, uint32_t expires_tick) {
    /*
     * relaxed: a tick orders nothing; the lock keeps it from meeting a copy of the item half way
     * (rewrite.c).
     */
    atomic_store_explicit(&place->item->expires_tick, expires_tick, memory_order_relaxed);
    sweep_note(worker->store, expires_tick);
}

/* Links a spare bucket at the end of the chain and returns its first entry. */
static _Atomic uint64_t *place_extend(struct store_worker *worker, struct place *place) {
    struct bucket *bucket = supply_take_bucket(worker);
    uint64_t header = atomic_load_explicit(&place->last->header, memory_order_relaxed);
    assert(bucket_header_next(header) == NULL);
    /* release: the new bucket is empty and complete (W4). The header's marks stay as they are. */
    atomic_store_explicit(&place->last->header, header | (uint64_t)(uintptr_t)bucket, memory_order_release);
    atomic_fetch_add_explicit(&worker->store->growth.overflow_count, 1, memory_order_relaxed);
    worker->growth_hint = true;
    return &bucket->entries[0];
}

/* Unlinks the bucket of an entry just cleared, when that has left it empty. Homes stay. */
static void place_shorten(struct store_worker *worker, struct place *place) {
    if (likely(place->bucket == place->home) || !bucket_is_empty(place->bucket)) {
        return;
    }
    struct bucket *before = place->home;
    uint64_t header = atomic_load_explicit(&before->header, memory_order_relaxed);
    while (bucket_header_next(header) != place->bucket) {
        before = bucket_header_next(header);
        header = atomic_load_explicit(&before->header, memory_order_relaxed);
    }
    uint64_t gone_header = atomic_load_explicit(&place->bucket->header, memory_order_relaxed);
    /*
     * release: only so that every link is written in the same way; the buckets behind were complete before.
     */
    atomic_store_explicit(&before->header, (header & ~BUCKET_NEXT) | (gone_header & BUCKET_NEXT),
                          memory_order_release);
    atomic_fetch_sub_explicit(&worker->store->growth.overflow_count, 1, memory_order_relaxed);
    retire_bucket(worker, place->bucket);
}

static void place_count_linked(struct store_worker *worker, const struct item *item) {
    counter_add(&worker->counters.items_added, 1);
    counter_add(&worker->items_size_added, item_charge(item));
}

/* The item is out of the index: counts it and hands it to reclamation. */
static void place_let_go(struct store_worker *worker, struct item *item) {
    size_t charge = item_charge(item);
    counter_add(&worker->counters.items_removed, 1);
    counter_add(&worker->items_size_removed, charge);
    retire_item(worker, item, charge);
}

void place_put(struct store_worker *worker, struct place *place, struct item *item) {
    assert(item->sequence == 0);
    /* relaxed: the lock orders the stores of a key; the number alone orders the others. */
    item->sequence = atomic_fetch_add_explicit(&worker->store->sequence, 1, memory_order_relaxed) + 1;
    _Atomic uint64_t *entry = place->item != NULL ? place->entry : place->free_entry;
    if (unlikely(entry == NULL)) {
        entry = place_extend(worker, place);
    }
    /* release: the item is complete (W2). */
    atomic_store_explicit(entry, entry_make(place->hash, item), memory_order_release);
    place_count_linked(worker, item);
    sweep_note(worker->store, item_expires(item));
    if (place->item != NULL) {
        place_let_go(worker, place->item);
    }
}

void place_remove(struct store_worker *worker, struct place *place) {
    /* relaxed: a reader that sees 0 follows nothing. */
    atomic_store_explicit(place->entry, 0, memory_order_relaxed);
    place_shorten(worker, place);
    place_let_go(worker, place->item);
    place->item = NULL;
    place->bucket = NULL;
    place->entry = NULL;
}

static bool place_may_withdraw(const struct store_worker *worker, const struct place *place,
                               const struct item *item, enum place_withdrawal withdrawal) {
    switch (withdrawal) {
    case PLACE_WITHDRAW_ANY:
        return place->item == item;
    case PLACE_WITHDRAW_DEAD:
        /* Looked at again under the lock: a worker whose clock is behind may have touched it meanwhile. */
        return place->item == item && !worker_item_lives(worker, item);
    }
    return false;
}

size_t place_withdraw(struct store_worker *worker, const struct item *item,
                      enum place_withdrawal withdrawal) {
    struct bytes key = item_key(item);
    struct place place;
    size_t charge = 0;
    if (!supply_limbo(worker, SUPPLY_LIMBO_REMOVAL)) {
        return 0;
    }
    place_open_any(worker, hash_key(worker->store->index.hash_seed, key), key, &place);
    if (place_may_withdraw(worker, &place, item, withdrawal)) {
        charge = item_charge(item);
        place_remove(worker, &place);
    }
    place_close(&place);
    return charge;
}
