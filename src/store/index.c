/* SPDX-License-Identifier: MIT
 *
 * index: locks, places and chains. The rules and the argument stand in index.h.
 */
#include "index.h"

#include <errno.h>
#include <sched.h>

#include "cpu_relax.h"

enum {
    LOCK_SPINS_MAX = 64,
    OVERFLOW_CHUNK = 1024,     /* buckets that are charged at a time */
    OVERFLOW_CHUNK_SMALL = 32, /* while there are few */
    OVERFLOW_HANDFUL = 8,      /* that a worker takes at a time */
    INDEX_LINK_SIZE = sizeof(uint32_t),
};

/* --- locks --- */

/* A holder needs well under a microsecond, unless it was interrupted: then the CPU is better given away. */
static void lock_wait(unsigned *spins) {
    if (++*spins % LOCK_SPINS_MAX == 0) {
        sched_yield();
    } else {
        cpu_relax();
    }
}

void bucket_lock_wait(struct store_worker *worker, struct bucket *home, uint32_t header) {
    unsigned spins = 0;
    for (;;) {
        if ((header & BUCKET_LOCKED) != 0) {
            if (spins == 0) {
                counter_add(&worker->counters.lock_waits, 1);
            }
            lock_wait(&spins);
            /* relaxed: as in bucket_lock. */
            header = atomic_load_explicit(&home->header, memory_order_relaxed);
        } else if (/* acquire: as in bucket_lock */
                   atomic_compare_exchange_weak_explicit(&home->header, &header, header | BUCKET_LOCKED,
                                                         memory_order_acquire, memory_order_relaxed)) {
            return;
        }
    }
}

static uint32_t version_next(uint32_t header) {
    return (header & ~BUCKET_VERSION_MASK) | ((header + BUCKET_MOVING) & BUCKET_VERSION_MASK);
}

void bucket_move_begin(struct bucket *home) {
    assert((bucket_header_locked(home) & BUCKET_MOVING) == 0);
    /* relaxed: every move that follows is a release (W4). */
    atomic_store_explicit(&home->header, version_next(bucket_header_locked(home)), memory_order_relaxed);
}

void bucket_move_end(struct bucket *home) {
    assert((bucket_header_locked(home) & BUCKET_MOVING) != 0);
    /* release: the moves come before it. */
    atomic_store_explicit(&home->header, version_next(bucket_header_locked(home)), memory_order_release);
}

/* --- overflow buckets that are retired: lists linked in overflow_links, by the epoch of retiring --- */

/* A list of buckets is free. */
static void free_list(struct store_worker *worker, uint32_t first) {
    struct index *index = &worker->store->index;
    while (first != 0) {
        uint32_t next = index->overflow_links[first];
        worker->buckets_retired_count--;
        if (worker->buckets_spare_count < 2 * OVERFLOW_HANDFUL) {
            index->overflow_links[first] = worker->buckets_spare;
            worker->buckets_spare = first;
            worker->buckets_spare_count++;
        } else {
            pthread_mutex_lock(&index->overflow_lock);
            index->overflow_links[first] = index->overflow_free;
            index->overflow_free = first;
            pthread_mutex_unlock(&index->overflow_lock);
        }
        first = next;
    }
}

/* An overflow bucket is unlinked and empty, and may still be read. */
static void bucket_retire(struct store_worker *worker, uint32_t number) {
    uint64_t epoch = epoch_tag(&worker->member);
    unsigned list = epoch % STORE_EPOCH_LISTS;
    /* A list is freed before its turn comes again: EPOCH_GRACE is below the number of lists. */
    if (worker->buckets_epochs[list] != epoch) {
        free_list(worker, worker->buckets_retired[list]);
        worker->buckets_retired[list] = 0;
        worker->buckets_epochs[list] = epoch;
    }
    worker->store->index.overflow_links[number] = worker->buckets_retired[list];
    worker->buckets_retired[list] = number;
    worker->buckets_retired_count++;
}

/* --- chains --- */

static void entry_set(struct bucket *bucket, unsigned i, uint16_t tag, uint32_t location) {
    /* release, both: W4; the location also W2. */
    atomic_store_explicit(&bucket->tags[i], tag, memory_order_release);
    atomic_store_explicit(&bucket->locations[i], location, memory_order_release);
}

static void entry_clear(struct bucket *bucket, unsigned i) {
    /* release: W4. */
    atomic_store_explicit(&bucket->locations[i], 0, memory_order_release);
}

static void header_set_next(struct bucket *bucket, uint32_t number) {
    uint32_t marks = bucket_header_locked(bucket) & ((1u << BUCKET_NEXT_SHIFT) - 1);
    /* release: the bucket that is linked is complete (W4). */
    atomic_store_explicit(&bucket->header, number << BUCKET_NEXT_SHIFT | marks, memory_order_release);
}

/* A spare bucket for the end of a chain, whose last bucket is `last`. Under the lock. */
static struct bucket *chain_extend(struct store_worker *worker, struct bucket *last) {
    struct index *index = &worker->store->index;
    uint32_t number = worker->buckets_spare;
    assert(number != 0 && index_next(index, bucket_header_locked(last)) == NULL);
    worker->buckets_spare = index->overflow_links[number];
    worker->buckets_spare_count--;
    struct bucket *bucket = &index->overflow[number];
    /* relaxed: linking it releases them. */
    for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
        atomic_store_explicit(&bucket->locations[i], 0, memory_order_relaxed);
        atomic_store_explicit(&bucket->tags[i], 0, memory_order_relaxed);
    }
    atomic_store_explicit(&bucket->header, 0, memory_order_relaxed);
    header_set_next(last, number);
    /* relaxed: a number for the next process. */
    atomic_fetch_add_explicit(&index->overflow_count, 1, memory_order_relaxed);
    return bucket;
}

void chain_put(struct store_worker *worker, struct bucket *home, uint16_t tag, uint32_t location) {
    struct index *index = &worker->store->index;
    struct bucket *bucket = home;
    unsigned entry;
    while ((entry = bucket_first_free(bucket)) == BUCKET_ENTRIES) {
        struct bucket *next = index_next(index, bucket_header_locked(bucket));
        bucket = next != NULL ? next : chain_extend(worker, bucket);
    }
    entry_set(bucket, entry, tag, location);
}

/* The last bucket of a chain that has overflow, and the one before it. */
static struct bucket *chain_last(const struct index *index, struct bucket *home, struct bucket **before) {
    struct bucket *last = home;
    for (struct bucket *next; (next = index_next(index, bucket_header_locked(last))) != NULL; last = next) {
        *before = last;
    }
    return last;
}

static void chain_shorten(struct store_worker *worker, struct bucket *before, struct bucket *last) {
    struct index *index = &worker->store->index;
    uint32_t number = bucket_header_locked(before) >> BUCKET_NEXT_SHIFT;
    assert(&index->overflow[number] == last);
    header_set_next(before, 0);
    /* relaxed: as in chain_extend. */
    atomic_fetch_sub_explicit(&index->overflow_count, 1, memory_order_relaxed);
    bucket_retire(worker, number);
}

static unsigned bucket_last_entry(const struct bucket *bucket) {
    unsigned i = BUCKET_ENTRIES - 1;
    while (i != 0 && bucket_location_locked(bucket, i) == 0) {
        i--;
    }
    return i;
}

void chain_remove(struct store_worker *worker, struct bucket *home, struct bucket *bucket, unsigned entry,
                  bool moving) {
    const struct index *index = &worker->store->index;
    struct bucket *before = NULL;
    if (likely(index_next(index, bucket_header_locked(home)) == NULL)) {
        entry_clear(bucket, entry);
        return;
    }
    if (!moving) {
        bucket_move_begin(home);
    }
    struct bucket *last = chain_last(index, home, &before);
    unsigned from = bucket_last_entry(last);
    if (last != bucket || from != entry) {
        entry_set(bucket, entry, bucket_tag_locked(last, from), bucket_location_locked(last, from));
    }
    entry_clear(last, from);
    if (from == 0) {
        chain_shorten(worker, before, last);
    }
    if (!moving) {
        bucket_move_end(home);
    }
}

/* --- places --- */

void place_open_location(struct store_worker *worker, uint64_t hash, uint32_t location, struct place *place) {
    place_open(worker, hash, NULL, location, place);
}

bool index_has(const struct index *index, uint64_t hash, uint32_t location) {
    const struct bucket *bucket = index_home(index, index_homes_count(index), hash);
    for (; bucket != NULL; bucket = index_next(index, bucket_header(bucket))) {
        for (uint32_t matches = match_tag(bucket, entry_tag(hash)); matches != 0;) {
            if (entry_location(bucket, match_next(&matches)) == location) {
                return true;
            }
        }
    }
    return false;
}

void place_set_new(struct store_worker *worker, const struct place *place, uint32_t location) {
    bool is_full = place->free_bucket == NULL;
    struct bucket *bucket = is_full ? chain_extend(worker, place->last) : place->free_bucket;
    entry_set(bucket, is_full ? 0 : place->free_entry, entry_tag(place->hash), location);
}

/* The first free entry and the end of the chain, after one was taken out. */
static void place_look_again(const struct index *index, struct place *place) {
    place->free_bucket = NULL;
    for (struct bucket *bucket = place->home; bucket != NULL;
         bucket = index_next(index, bucket_header_locked(bucket))) {
        unsigned entry = bucket_first_free(bucket);
        if (place->free_bucket == NULL && entry != BUCKET_ENTRIES) {
            place->free_bucket = bucket;
            place->free_entry = entry;
        }
        place->last = bucket;
    }
}

void place_clear(struct store_worker *worker, struct place *place) {
    chain_remove(worker, place->home, place->bucket, place->entry, false);
    place->item = NULL;
    place->location = 0;
    place->bucket = NULL;
    place_look_again(&worker->store->index, place);
}

/* --- overflow buckets --- */

/* Charges some more. Under the overflow lock. */
static bool overflow_charge(struct store *store) {
    struct index *index = &store->index;
    uint32_t chunk = index->overflow_taken < OVERFLOW_CHUNK ? OVERFLOW_CHUNK_SMALL : OVERFLOW_CHUNK;
    size_t size = (size_t)chunk * (BUCKET_SIZE + INDEX_LINK_SIZE);
    if (index->overflow_taken + chunk > index->overflow_max || !arena_charge(&store->arena, size)) {
        return false;
    }
    index->overflow_size += size;
    index_note_size(index, (int64_t)size);
    return true;
}

static uint32_t overflow_take(struct store *store) {
    struct index *index = &store->index;
    uint32_t number = index->overflow_free;
    if (number != 0) {
        index->overflow_free = index->overflow_links[number];
        return number;
    }
    if ((uint64_t)(index->overflow_taken + 1) * (BUCKET_SIZE + INDEX_LINK_SIZE) > index->overflow_size &&
        !overflow_charge(store)) {
        return 0;
    }
    return ++index->overflow_taken;
}

bool index_supply_more(struct store_worker *worker, unsigned count) {
    struct index *index = &worker->store->index;
    pthread_mutex_lock(&index->overflow_lock);
    while (worker->buckets_spare_count < count + OVERFLOW_HANDFUL) {
        uint32_t number = overflow_take(worker->store);
        if (number == 0) {
            break;
        }
        index->overflow_links[number] = worker->buckets_spare;
        worker->buckets_spare = number;
        worker->buckets_spare_count++;
    }
    pthread_mutex_unlock(&index->overflow_lock);
    return worker->buckets_spare_count >= count;
}

void index_leave(struct store_worker *worker) {
    struct index *index = &worker->store->index;
    pthread_mutex_lock(&index->overflow_lock);
    for (uint32_t number; (number = worker->buckets_spare) != 0;) {
        worker->buckets_spare = index->overflow_links[number];
        index->overflow_links[number] = index->overflow_free;
        index->overflow_free = number;
    }
    pthread_mutex_unlock(&index->overflow_lock);
    worker->buckets_spare_count = 0;
}

void index_free_due(struct store_worker *worker, uint64_t epoch_max) {
    for (unsigned list = 0; list < STORE_EPOCH_LISTS; list++) {
        if (worker->buckets_retired[list] != 0 && worker->buckets_epochs[list] <= epoch_max) {
            free_list(worker, worker->buckets_retired[list]);
            worker->buckets_retired[list] = 0;
        }
    }
}

void index_orphan_buckets(struct store_worker *worker) {
    struct store *store = worker->store;
    for (unsigned list = 0; list < STORE_EPOCH_LISTS; list++) {
        for (uint32_t number; (number = worker->buckets_retired[list]) != 0;) {
            worker->buckets_retired[list] = store->index.overflow_links[number];
            store->index.overflow_links[number] = store->orphan_buckets;
            store->orphan_buckets = number;
        }
    }
    worker->buckets_retired_count = 0;
}

void index_adopt_buckets(struct store_worker *worker) {
    struct store *store = worker->store;
    for (uint32_t number; (number = store->orphan_buckets) != 0;) {
        store->orphan_buckets = store->index.overflow_links[number];
        bucket_retire(worker, number);
    }
}

/* --- beginning and end --- */

int index_init(struct store *store, unsigned homes_power, size_t limit_max, uint64_t hash_seed) {
    struct index *index = &store->index;
    struct tables *tables = &store->tables;
    index->hash_seed = hash_seed;
    index->homes_min = UINT64_C(1) << homes_power;
    index->homes_max = limit_max / 2 / BUCKET_SIZE;
    if (index->homes_max < index->homes_min) {
        index->homes_max = index->homes_min;
    }
    uint64_t overflow_max = limit_max / 4 / BUCKET_SIZE;
    index->overflow_max = overflow_max < BUCKET_OVERFLOW_MAX ? (uint32_t)overflow_max : BUCKET_OVERFLOW_MAX;
    index->homes = tables_map(tables, index->homes_max * BUCKET_SIZE);
    index->overflow = tables_map(tables, ((size_t)index->overflow_max + 1) * BUCKET_SIZE);
    index->overflow_links = tables_map(tables, ((size_t)index->overflow_max + 1) * INDEX_LINK_SIZE);
    if (index->homes == NULL || index->overflow == NULL || index->overflow_links == NULL) {
        return -ENOMEM;
    }
    pthread_mutex_init(&index->overflow_lock, NULL);
    index->homes_size = arena_round_up(index->homes_min * BUCKET_SIZE, ARENA_PAGE_SIZE);
    tables_use(tables, index->homes, index->homes_size);
    atomic_init(&index->homes_count, index->homes_min);
    atomic_init(&index->size, index->homes_size);
    return 0;
}
