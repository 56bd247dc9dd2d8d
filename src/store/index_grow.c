/* SPDX-License-Identifier: MIT
 *
 * index_grow: one home more, one home less.
 *
 *      split    home p | a b c d |            ->   p | a c |  ...  n | b d |        by one more bit of the hash
 *      join     home p | a c | ... n | b d |  ->   p | a b c d |
 *
 * When: at more than INDEX_LOAD_GROW items a home on the average, and at less than INDEX_LOAD_SHRINK. Right after
 * a doubling all homes are alike; in between those not yet split hold up to twice as many as the others. At 8 of
 * 10 entries that makes about 10 bytes of index an item at any time, and one look-up in ten at most reads a
 * second line.
 *
 * Who: each worker counts what it adds and removes, tells it to all in batches, and then moves growth on by as
 * many homes as are missing, a bounded number. One worker at a time; the others go on without waiting. Nothing
 * happens at once that grows with the table.
 *
 * Worker's own thread.
 */
#include "index_grow.h"

#include <sched.h>

#include "cpu_relax.h"
#include "segment.h"

enum {
    INDEX_LOAD_GROW = 8,
    INDEX_LOAD_SHRINK = 7,
    INDEX_PREFETCH_HOMES = 8,
    HOMES_CHUNK_MIN = 4096, /* bytes charged at a time */
    HOMES_CHUNK_LARGE = 256 * 1024,
    HOMES_CHUNK_SHARE = 16, /* or one part in so many of what there is */
};

static bool resize_try_lock(struct index *index) {
    /* acquire: pairs with the release by the last holder, which wrote the plain fields. */
    return !atomic_exchange_explicit(&index->resize_locked, true, memory_order_acquire);
}

static void resize_lock(struct index *index) {
    for (unsigned spins = 1; !resize_try_lock(index); spins++) {
        if (spins % 64 == 0) {
            sched_yield();
        } else {
            cpu_relax();
        }
    }
}

static void resize_unlock(struct index *index) {
    /* release: the next holder sees the plain fields as this one left them. */
    atomic_store_explicit(&index->resize_locked, false, memory_order_release);
}

static uint64_t upper_bit(uint64_t number) {
    return UINT64_C(1) << (63 - (unsigned)__builtin_clzl(number));
}

static uint64_t entry_hash(const struct store *store, uint32_t location) {
    return index_hash(&store->index, item_key(arena_item(&store->arena, location)));
}

/* Buckets of a chain: so many at most its entries need elsewhere. */
static unsigned chain_length(const struct index *index, const struct bucket *home) {
    unsigned length = 1;
    for (const struct bucket *bucket = home;
         (bucket = index_next(index, bucket_header_locked(bucket))) != NULL;) {
        length++;
    }
    return length;
}

/* Copies the entries whose hash has `bit` to another chain. */
static void chain_copy(struct store_worker *worker, const struct bucket *from, struct bucket *to,
                       uint64_t bit) {
    const struct store *store = worker->store;
    for (const struct bucket *bucket = from; bucket != NULL;
         bucket = index_next(&store->index, bucket_header_locked(bucket))) {
        for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
            uint32_t location = bucket_location_locked(bucket, i);
            if (location != 0 && (bit == 0 || (entry_hash(store, location) & bit) != 0)) {
                chain_put(worker, to, bucket_tag_locked(bucket, i), location);
            }
        }
    }
}

/* Takes the entries whose hash has `bit` out of a chain that is being moved. */
static void chain_purge(struct store_worker *worker, struct bucket *home, uint64_t bit) {
    const struct store *store = worker->store;
    for (struct bucket *bucket = home; bucket != NULL;) {
        for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
            uint32_t location;
            /* What takes its place is looked at, too. */
            while ((location = bucket_location_locked(bucket, i)) != 0 &&
                   (bit == 0 || (entry_hash(store, location) & bit) != 0)) {
                chain_remove(worker, home, bucket, i, true);
            }
        }
        /* The bucket may have been unlinked; it keeps its own link, which is 0. */
        bucket = index_next(&store->index, bucket_header_locked(bucket));
    }
}

static uint64_t homes_count_locked(const struct index *index) {
    /* relaxed: under resize_locked. */
    return atomic_load_explicit(&index->homes_count, memory_order_relaxed);
}

static void set_homes_count(struct index *index, uint64_t homes_count) {
    /* release: W5. */
    atomic_store_explicit(&index->homes_count, homes_count, memory_order_release);
}

/*
 * Locks a home and makes sure of enough spare buckets to copy the chain of `from`, which changes under this lock
 * or under that of `from` itself, taken with it. False, and nothing locked, where there is no memory.
 */
static bool lock_supplied(struct store_worker *worker, struct bucket *lower, struct bucket *upper,
                          const struct bucket *from) {
    for (;;) {
        bucket_lock(worker, lower);
        bucket_lock(worker, upper);
        unsigned needed = chain_length(&worker->store->index, from) + 1;
        if (likely(worker->buckets_spare_count >= needed)) {
            return true;
        }
        bucket_unlock(upper);
        bucket_unlock(lower);
        if (!index_supply(worker, needed)) {
            return false;
        }
    }
}

static bool split(struct store_worker *worker, uint64_t homes_count) {
    struct index *index = &worker->store->index;
    uint64_t bit = upper_bit(homes_count);
    struct bucket *old = &index->homes[homes_count - bit];
    struct bucket *new = &index->homes[homes_count];
    if (!lock_supplied(worker, old, new, old)) {
        return false;
    }
    bucket_move_begin(old);
    chain_copy(worker, old, new, bit);
    set_homes_count(index, homes_count + 1);
    chain_purge(worker, old, bit);
    bucket_move_end(old);
    bucket_unlock(new);
    bucket_unlock(old);
    return true;
}

static bool join(struct store_worker *worker, uint64_t homes_count) {
    struct index *index = &worker->store->index;
    uint64_t bit = upper_bit(homes_count - 1);
    struct bucket *lower = &index->homes[homes_count - 1 - bit];
    struct bucket *last = &index->homes[homes_count - 1];
    if (!lock_supplied(worker, lower, last, last)) {
        return false;
    }
    bucket_move_begin(lower);
    bucket_move_begin(last);
    chain_copy(worker, last, lower, 0);
    set_homes_count(index, homes_count - 1);
    chain_purge(worker, last, 0);
    bucket_move_end(last);
    bucket_move_end(lower);
    bucket_unlock(last);
    bucket_unlock(lower);
    return true;
}

/* Asks for the items of a home that will soon be split: their keys are hashed again. */
static void prefetch_home(const struct store *store, uint64_t number) {
    const struct bucket *home = &store->index.homes[number];
    for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
        uint32_t location = entry_location(home, i);
        if (location != 0) {
            __builtin_prefetch(arena_item(&store->arena, location), 0, 3);
        }
    }
}

static size_t homes_chunk(const struct index *index) {
    size_t chunk = index->homes_size / HOMES_CHUNK_SHARE / HOMES_CHUNK_MIN * HOMES_CHUNK_MIN;
    chunk = chunk < HOMES_CHUNK_LARGE ? chunk : HOMES_CHUNK_LARGE;
    return chunk < HOMES_CHUNK_MIN ? HOMES_CHUNK_MIN : chunk;
}

/* What eviction is told that growth wants. relaxed: a hint. */
static void set_wanted(struct store *store, size_t size) {
    atomic_store_explicit(&store->arena.wanted, size, memory_order_relaxed);
}

/* Charges memory for one more home. Where there is none, eviction is told what is wanted. */
static bool homes_charge(struct store *store, uint64_t homes_count) {
    struct index *index = &store->index;
    if ((homes_count + 1) * BUCKET_SIZE <= index->homes_size) {
        return true;
    }
    size_t chunk = homes_chunk(index);
    bool charged = arena_charge(&store->arena, chunk);
    set_wanted(store, charged ? 0 : chunk);
    if (charged) {
        tables_use(&store->tables, (const char *)index->homes + index->homes_size, chunk);
        index->homes_size += chunk;
        index_note_size(index, (int64_t)chunk);
    }
    return charged;
}

static size_t homes_round(uint64_t homes_count) {
    return (homes_count * BUCKET_SIZE + HOMES_CHUNK_MIN - 1) / HOMES_CHUNK_MIN * HOMES_CHUNK_MIN;
}

/* Of homes behind that many, which are no longer used; 0: none are waited for. relaxed: who acts on it has the lock. */
static void set_release(struct index *index, uint64_t epoch, uint64_t homes_count) {
    index->release_count = homes_count;
    atomic_store_explicit(&index->release_epoch, epoch, memory_order_relaxed);
}

/* Moves the epoch on itself: nothing else may be waiting for it. */
static bool release_is_due(struct store_worker *worker, uint64_t release_epoch) {
    struct epoch *epoch = &worker->store->epoch;
    epoch_advance(epoch, &worker->member);
    return epoch_now(epoch) >= release_epoch + EPOCH_GRACE;
}

static void homes_give_back(struct store *store, size_t needed) {
    struct index *index = &store->index;
    size_t surplus = index->homes_size - needed;
    tables_drop(&store->tables, (char *)index->homes + needed, surplus);
    index->homes_size = needed;
    index_note_size(index, -(int64_t)surplus);
    arena_uncharge(&store->arena, surplus);
}

/*
 * Gives back what lies behind the last home. Not before every worker has passed a quiescent state since it was the
 * last: a writer with an old number of homes may still lock a bucket there, only to find out.
 */
static void homes_release(struct store_worker *worker, uint64_t homes_count) {
    struct index *index = &worker->store->index;
    uint64_t release_epoch = arena_level(&index->release_epoch);
    bool is_much = index->homes_size >= homes_round(homes_count) + 2 * homes_chunk(index);
    if (release_epoch != 0 && release_is_due(worker, release_epoch)) {
        if (index->homes_size > homes_round(index->release_count)) {
            homes_give_back(worker->store, homes_round(index->release_count));
        }
        set_release(index, 0, 0);
    } else if (release_epoch == 0 && is_much) {
        set_release(index, epoch_tag(&worker->member), homes_count);
    }
}

static bool should_grow(const struct index *index, uint64_t items_count, uint64_t homes_count) {
    return items_count > homes_count * INDEX_LOAD_GROW && homes_count < index->homes_max;
}

static bool should_shrink(const struct index *index, uint64_t items_count, uint64_t homes_count) {
    return items_count < homes_count * INDEX_LOAD_SHRINK && homes_count > index->homes_min;
}

/* One step; false when there is nothing to do or no memory. Under resize_locked. */
static bool resize_step(struct store_worker *worker) {
    struct store *store = worker->store;
    struct index *index = &store->index;
    uint64_t homes_count = homes_count_locked(index);
    uint64_t items_count = index_items_count(index);
    if (should_grow(index, items_count, homes_count)) {
        set_release(index, 0, 0);
        if (!homes_charge(store, homes_count)) {
            return false;
        }
        uint64_t ahead = homes_count - upper_bit(homes_count) + INDEX_PREFETCH_HOMES;
        prefetch_home(store, ahead < homes_count ? ahead : 0);
        return split(worker, homes_count);
    }
    return should_shrink(index, items_count, homes_count) && join(worker, homes_count);
}

bool index_wants_to_grow(const struct index *index) {
    return should_grow(index, index_items_count(index), index_homes_count(index));
}

bool index_resize(struct store_worker *worker, unsigned steps_max) {
    struct index *index = &worker->store->index;
    uint64_t items_count = index_items_count(index);
    uint64_t homes_count = index_homes_count(index);
    bool wanted = arena_level(&worker->store->arena.wanted) != 0;
    bool releasing = arena_level(&index->release_epoch) != 0;
    if (likely(!should_grow(index, items_count, homes_count) &&
               !should_shrink(index, items_count, homes_count) && !wanted && !releasing)) {
        return false;
    }
    if (!resize_try_lock(index)) {
        return false;
    }
    unsigned steps = 0;
    while (steps < steps_max && resize_step(worker)) {
        steps++;
    }
    homes_count = homes_count_locked(index);
    if (wanted && !should_grow(index, items_count, homes_count)) {
        set_wanted(worker->store, 0);
    }
    homes_release(worker, homes_count);
    bool more = steps == steps_max || arena_level(&index->release_epoch) != 0;
    resize_unlock(index);
    return more;
}

void index_tell_count(struct store_worker *worker) {
    /* relaxed: a rough count. */
    atomic_fetch_add_explicit(&worker->store->index.items_count, (uint64_t)(int64_t)worker->items_delta,
                              memory_order_relaxed);
    worker->items_delta = 0;
    worker->resize_due = true;
}

/*
 * --- walking ---
 *
 * A walk goes through all values that a hash can have, in the order of their bits reversed: what lies below `position` was
 * visited.
 *
 *      0 |#######################|.......|                              | 2^64
 *                         position       end
 *
 * With n homes and 2^q <= n < 2^(q + 1), the hashes that have their q lower bits in common lie in two homes at most; with their
 * bits reversed they are one interval of 2^(64 - q). A step looks at the homes of such an interval, or of the rest of one: so it
 * is small whatever the index was when the walk began. Where the index has grown meanwhile, intervals are halves of what they
 * were; where it has shrunk, a home also has hashes of earlier steps, which are passed over (index_step_has). An item never
 * changes its hash, so it belongs to exactly one step. During a step no home is split or joined, and a home's lock is held while
 * its entries are read; between steps nothing is held.
 */

static uint64_t bits_reversed(uint64_t bits) {
    bits = (bits >> 1 & UINT64_C(0x5555555555555555)) | (bits & UINT64_C(0x5555555555555555)) << 1;
    bits = (bits >> 2 & UINT64_C(0x3333333333333333)) | (bits & UINT64_C(0x3333333333333333)) << 2;
    bits = (bits >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) | (bits & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4;
    return __builtin_bswap64(bits);
}

/* Modulo 2^64: the end of the last step is 0. */
bool index_step_has(const struct store_cursor *cursor, uint64_t hash) {
    return bits_reversed(hash) - cursor->position < cursor->end - cursor->position;
}

/* Returns how many homes were looked at: one or two. */
static unsigned step_homes(struct index *index, struct store_cursor *cursor,
                           void (*look)(void *user, struct bucket *home), void *user) {
    unsigned count = 0;
    resize_lock(index);
    uint64_t homes_count = index_homes_count(index);
    uint64_t stride = upper_bit(homes_count); /* 2^q */
    uint64_t last = UINT64_MAX / stride;      /* 2^(64 - q), less one */
    cursor->end = (cursor->position | last) + 1;
    uint64_t number = bits_reversed(cursor->position) & (stride - 1);
    for (; number < homes_count; number += stride, count++) {
        look(user, &index->homes[number]);
    }
    resize_unlock(index);
    cursor->position = cursor->end;
    cursor->done = cursor->end == 0;
    return count;
}

void index_walk_homes(struct store_worker *worker, struct store_cursor *cursor, unsigned homes_max,
                      void (*look)(void *user, struct bucket *home), void *user) {
    for (unsigned homes_count = 0; homes_count < homes_max && !cursor->done;) {
        homes_count += step_homes(&worker->store->index, cursor, look, user);
    }
}
