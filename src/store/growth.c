/* SPDX-License-Identifier: MIT
 *
 * growth: see growth.h; what readers and writers may rely on stands in index.h (W5, R2).
 */
#include "growth.h"

#include "index.h"
#include "lock.h"
#include "retire.h"
#include "stats.h"
#include "supply.h"

enum {
    GROWTH_OVERFLOW_SHARE = 8,        /* one home in so many has overflown */
    GROWTH_ITEMS_PER_HOME = 4,        /* and there are so many items a home */
    GROWTH_ITEMS_PER_HOME_URGENT = 7, /* from here on items are pushed out to make room for the table */
    GROWTH_INDEX_SHARE = 2,           /* old and new table may take one part in so many of the limit */
    GROWTH_PREFETCH_HOMES = 8,
};

static bool growth_lock(struct store *store) {
    /* acquire: pairs with the release by the last holder, which wrote migrated_count. */
    return !atomic_exchange_explicit(&store->growth.locked, true, memory_order_acquire);
}

static void growth_unlock(struct store *store) {
    atomic_store_explicit(&store->growth.locked, false, memory_order_release);
}

static bool growth_is_due(const struct store *store, const struct table *table, uint64_t items_count) {
    uint64_t homes_count = table_buckets_count(table);
    /* relaxed: a threshold. */
    uint64_t overflow_count = atomic_load_explicit(&store->growth.overflow_count, memory_order_relaxed);
    return overflow_count > homes_count / GROWTH_OVERFLOW_SHARE && table->power < TABLE_POWER_MAX &&
           items_count > homes_count * GROWTH_ITEMS_PER_HOME &&
           table_size(table->power) + table_size(table->power + 1) <=
               budget_limit(&store->budget) / GROWTH_INDEX_SHARE;
}

static void growth_want(struct store *store, uint64_t size) {
    /* relaxed: a hint to pressure.c. */
    atomic_store_explicit(&store->growth.wanted_size, size, memory_order_relaxed);
}

/*
 * Charges the next table. Where that fails and it is urgent, eviction is asked for room; having begun, it
 * goes on to the end.
 */
static bool growth_charge(struct store *store, const struct table *table, uint64_t items_count) {
    size_t size = table_size(table->power + 1);
    bool wanted = atomic_load_explicit(&store->growth.wanted_size, memory_order_relaxed) != 0;
    bool urgent = items_count > table_buckets_count(table) * GROWTH_ITEMS_PER_HOME_URGENT;
    bool charged = budget_take_shared(&store->budget, size);
    growth_want(store, !charged && (wanted || urgent) ? size : 0);
    return charged;
}

static void growth_begin(struct store *store, struct table *table, uint64_t items_count) {
    if (!growth_charge(store, table, items_count)) {
        return;
    }
    struct table *next = table_map(table->power + 1);
    if (next == NULL) {
        budget_give_shared(&store->budget, table_size(table->power + 1));
        return;
    }
    atomic_fetch_add_explicit(&store->growth.index_size, next->mapped_size, memory_order_relaxed);
    /* release: the table is complete; pairs with the loads of `next`. */
    atomic_store_explicit(&table->next, next, memory_order_release);
    atomic_store_explicit(&store->growth.under_way, true, memory_order_relaxed);
}

void growth_consider(struct store_worker *worker) {
    struct store *store = worker->store;
    worker->growth_hint = false;
    if (!growth_lock(store)) {
        return;
    }
    struct table *table = atomic_load_explicit(&store->index.table, memory_order_acquire);
    if (atomic_load_explicit(&table->next, memory_order_relaxed) == NULL) {
        uint64_t items_count = stats_items_count(store);
        if (growth_is_due(store, table, items_count)) {
            growth_begin(store, table, items_count);
        } else {
            growth_want(store, 0);
        }
    }
    growth_unlock(store);
}

/* Items of a chain that go to the lower and to the upper home. */
struct growth_split {
    unsigned counts[2];
};

static uint64_t growth_hash(const struct store *store, const struct item *item) {
    return hash_key(store->index.hash_seed, item_key(item));
}

static unsigned growth_side(const struct table *table, uint64_t hash) {
    return (unsigned)(hash >> table->power & 1);
}

static struct growth_split growth_count(const struct store *store, const struct table *table,
                                        const struct bucket *home) {
    struct growth_split split = {0};
    for (const struct bucket *bucket = home; bucket != NULL;
         bucket = bucket_header_next(atomic_load_explicit(&bucket->header, memory_order_relaxed))) {
        for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
            uint64_t entry = atomic_load_explicit(&bucket->entries[i], memory_order_relaxed);
            if (entry != 0) {
                split.counts[growth_side(table, growth_hash(store, entry_item(entry)))]++;
            }
        }
    }
    return split;
}

static unsigned growth_overflow_of(unsigned items_count) {
    return items_count <= BUCKET_ENTRIES ? 0 : (items_count - 1) / BUCKET_ENTRIES;
}

/* Where a chain of the new table is being filled. */
struct growth_target {
    struct bucket *bucket;
    unsigned used;
};

static void growth_place(struct store_worker *worker, struct growth_target *target, uint64_t entry) {
    if (target->used == BUCKET_ENTRIES) {
        struct bucket *bucket = supply_take_bucket(worker);
        atomic_fetch_add_explicit(&worker->store->growth.overflow_count, 1, memory_order_relaxed);
        atomic_store_explicit(&target->bucket->header, (uint64_t)(uintptr_t)bucket, memory_order_relaxed);
        *target = (struct growth_target){.bucket = bucket};
    }
    /* relaxed: published by the mark. */
    atomic_store_explicit(&target->bucket->entries[target->used++], entry, memory_order_relaxed);
}

/* Copies the entries of a locked chain. Their tags stay: they are the upper bits of the same hash. */
static void growth_copy(struct store_worker *worker, const struct table *table, const struct bucket *home,
                        struct growth_target targets[2]) {
    for (const struct bucket *bucket = home; bucket != NULL;
         bucket = bucket_header_next(atomic_load_explicit(&bucket->header, memory_order_relaxed))) {
        for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
            uint64_t entry = atomic_load_explicit(&bucket->entries[i], memory_order_relaxed);
            if (entry != 0) {
                growth_place(worker,
                             &targets[growth_side(table, growth_hash(worker->store, entry_item(entry)))],
                             entry);
            }
        }
    }
}

static unsigned growth_chain_length(const struct bucket *home) {
    unsigned length = 0;
    uint64_t header = atomic_load_explicit(&home->header, memory_order_relaxed);
    for (const struct bucket *bucket; (bucket = bucket_header_next(header)) != NULL; length++) {
        header = atomic_load_explicit(&bucket->header, memory_order_relaxed);
    }
    return length;
}

/*
 * Retires the overflow buckets of a home just migrated: from now on only readers that came before are in
 * them. The links stay.
 */
static void growth_retire_chain(struct store_worker *worker, const struct bucket *home) {
    uint64_t header = atomic_load_explicit(&home->header, memory_order_relaxed);
    for (struct bucket *bucket; (bucket = bucket_header_next(header)) != NULL;) {
        header = atomic_load_explicit(&bucket->header, memory_order_relaxed);
        atomic_fetch_sub_explicit(&worker->store->growth.overflow_count, 1, memory_order_relaxed);
        retire_bucket(worker, bucket);
    }
}

/* What the migration of one home may need. */
struct growth_need {
    unsigned buckets_count; /* for the new chains */
    unsigned limbo_count;   /* for the old chain */
};

static struct growth_need growth_needs(const struct store *store, const struct table *table,
                                       const struct bucket *home) {
    struct growth_need need = {.limbo_count = growth_chain_length(home)};
    if (need.limbo_count != 0) {
        struct growth_split split = growth_count(store, table, home);
        need.buckets_count = growth_overflow_of(split.counts[0]) + growth_overflow_of(split.counts[1]);
    }
    return need;
}

static bool growth_has(const struct store_worker *worker, struct growth_need need) {
    return worker->spare_buckets_count >= need.buckets_count &&
           limbo_room(&worker->limbo) >= need.limbo_count;
}

/* Migrates one home. False when a chain needs more memory than the budget gives now. */
static bool growth_migrate(struct store_worker *worker, struct table *table, struct table *next,
                           uint64_t position) {
    struct bucket *home = &table->buckets[position];
    struct growth_target targets[2] = {{.bucket = &next->buckets[position]},
                                       {.bucket = &next->buckets[position + table_buckets_count(table)]}};
    /*
     * A first write may have to wait for the kernel's page: not under the lock. Nobody else looks at these
     * two yet.
     */
    for (unsigned side = 0; side < 2; side++) {
        atomic_store_explicit(&targets[side].bucket->header, 0, memory_order_relaxed);
    }
    for (;;) {
        bool locked = lock_take(worker, home);
        assert(locked); /* only the holder of the growth lock migrates */
        struct growth_need need = growth_needs(worker->store, table, home);
        if (likely(growth_has(worker, need))) {
            break;
        }
        lock_release(home);
        if (!supply_buckets(worker, need.buckets_count) || !supply_limbo(worker, need.limbo_count)) {
            return false;
        }
    }
    growth_copy(worker, table, home, targets);
    lock_release_migrated(home);
    growth_retire_chain(worker, home);
    return true;
}

/* Asks for the items of a home that will soon be migrated: their keys are hashed again. */
static void growth_prefetch(const struct table *table, uint64_t position) {
    const struct bucket *home = &table->buckets[position & table->mask];
    for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
        uint64_t entry = atomic_load_explicit(&home->entries[i], memory_order_relaxed);
        if (entry != 0) {
            __builtin_prefetch(entry_item(entry), 0, 3);
        }
    }
}

/* All homes are migrated: the new table takes over. False when limbo has no room for the old one. */
static bool growth_end(struct store_worker *worker, struct table *table, struct table *next) {
    if (!supply_limbo(worker, 1)) {
        return false;
    }
    /*
     * release: everything migrated comes before; readers of the old table find the new one by `next` until
     * it is freed.
     */
    atomic_store_explicit(&worker->store->index.table, next, memory_order_release);
    atomic_store_explicit(&worker->store->growth.power, next->power, memory_order_relaxed);
    atomic_store_explicit(&worker->store->growth.under_way, false, memory_order_relaxed);
    retire_table(worker, table);
    return true;
}

static void growth_move_on(struct store_worker *worker, struct table *table, struct table *next,
                           unsigned homes_max) {
    uint64_t end = table_buckets_count(table);
    for (; homes_max != 0 && table->migrated_count < end; homes_max--) {
        growth_prefetch(table, table->migrated_count + GROWTH_PREFETCH_HOMES);
        if (!growth_migrate(worker, table, next, table->migrated_count)) {
            return;
        }
        table->migrated_count++;
    }
    if (table->migrated_count == end) {
        growth_end(worker, table, next);
    }
}

void growth_step(struct store_worker *worker, unsigned homes_max) {
    struct store *store = worker->store;
    if (!growth_lock(store)) {
        return;
    }
    struct table *table = atomic_load_explicit(&store->index.table, memory_order_acquire);
    struct table *next = atomic_load_explicit(&table->next, memory_order_acquire);
    if (next != NULL) {
        growth_move_on(worker, table, next, homes_max);
    }
    growth_unlock(store);
}
