/* SPDX-License-Identifier: MIT
 *
 * supply: see supply.h.
 */
#include "supply.h"

#include "growth.h"
#include "memory.h"
#include "pressure.h"

enum {
    SUPPLY_LIMBO_ROOM = 4,  /* entries: an item, the bucket it leaves empty; growth adds a table */
    SUPPLY_CHUNKS_KEPT = 1, /* spare chunks that a quiet worker keeps */
    SUPPLY_BUCKETS_KEPT = 1,
    SUPPLY_SHELVES_SHARE = 16, /* all shelves together keep at most one part in so many of the limit */
    SUPPLY_SHELF_SIZE_MAX = 8 * 1024 * 1024, /* bytes of one worker's shelf */
};

/* Charges without evicting or waiting. */
static bool supply_charge(struct store_worker *worker, size_t size) {
    return budget_draw(&worker->store->budget, &worker->allowance, size, 0) &&
           allowance_take(&worker->allowance, size);
}

/* A zeroed block whose charge has been paid; NULL, and the charge is taken back, when the system has none. */
static void *supply_block(struct store_worker *worker, size_t size) {
    void *block = memory_take_zeroed(size, BUCKET_SIZE);
    if (unlikely(block == NULL)) {
        budget_give(&worker->store->budget, &worker->allowance, size);
    }
    return block;
}

static bool supply_add_chunk(struct store_worker *worker) {
    void *block = supply_block(worker, LIMBO_CHUNK_SIZE);
    if (block == NULL) {
        return false;
    }
    limbo_add_chunk(&worker->limbo, block);
    return true;
}

static bool supply_add_bucket(struct store_worker *worker) {
    struct bucket *bucket = supply_block(worker, BUCKET_SIZE);
    if (bucket == NULL) {
        return false;
    }
    atomic_init(&bucket->header, (uint64_t)(uintptr_t)worker->spare_buckets);
    worker->spare_buckets = bucket;
    worker->spare_buckets_count++;
    return true;
}

/*
 * Above a lowered limit nothing can be drawn, but what helps to evict must be had: it is charged all the
 * same.
 */
static bool supply_charge_chunk(struct store_worker *worker) {
    struct budget *budget = &worker->store->budget;
    if (supply_charge(worker, LIMBO_CHUNK_SIZE)) {
        return true;
    }
    if (budget_committed(budget) <= budget_limit(budget)) {
        return false;
    }
    budget_force_shared(budget, LIMBO_CHUNK_SIZE);
    return true;
}

bool supply_limbo(struct store_worker *worker, size_t entries_count) {
    while (unlikely(limbo_room(&worker->limbo) < entries_count)) {
        if (!supply_charge_chunk(worker) || !supply_add_chunk(worker)) {
            return false;
        }
    }
    return true;
}

bool supply_buckets(struct store_worker *worker, unsigned buckets_count) {
    while (worker->spare_buckets_count < buckets_count) {
        if (!supply_charge(worker, BUCKET_SIZE) || !supply_add_bucket(worker)) {
            return false;
        }
    }
    return true;
}

/* The rarer half of supply_ensure. */
static bool supply_refill(struct store_worker *worker) {
    if (limbo_room(&worker->limbo) < SUPPLY_LIMBO_ROOM &&
        (!pressure_charge(worker, LIMBO_CHUNK_SIZE) || !supply_add_chunk(worker))) {
        return false;
    }
    if (worker->spare_buckets_count == 0 &&
        (!pressure_charge(worker, BUCKET_SIZE) || !supply_add_bucket(worker))) {
        return false;
    }
    /* Getting the one may have used up the other: eviction fills limbo. */
    return limbo_room(&worker->limbo) >= SUPPLY_LIMBO_ROOM;
}

bool supply_ensure(struct store_worker *worker) {
    growth_help(worker);
    if (likely(limbo_room(&worker->limbo) >= SUPPLY_LIMBO_ROOM && worker->spare_buckets_count != 0)) {
        return true;
    }
    if (supply_refill(worker) || supply_refill(worker)) {
        return true;
    }
    counter_add(&worker->counters.no_memory, 1);
    return false;
}

/* A block whose charge has been paid: kept ones are paid for already, so that charge goes back. */
static void *supply_item_block(struct store_worker *worker, size_t size, size_t charge) {
    void *block = shelf_take(&worker->shelf, charge);
    if (block == NULL && (block = memory_take(size)) != NULL) {
        return block;
    }
    budget_give(&worker->store->budget, &worker->allowance, charge);
    return block;
}

struct item *supply_item(struct store_worker *worker, const struct item_shape *shape) {
    size_t size = item_size_of(shape->key.size, shape->value_size, shape->client_flags != 0, shape->has_cas);
    size_t charge = memory_charge_of(size);
    if (likely(pressure_charge(worker, charge))) {
        void *block = supply_item_block(worker, size, charge);
        if (likely(block != NULL)) {
            return item_init(block, shape);
        }
    }
    counter_add(&worker->counters.no_memory, 1);
    return NULL;
}

static void supply_free(struct store_worker *worker, void *block, size_t charge) {
    memory_return(block);
    counter_add(&worker->tidy.returned_size, charge);
    budget_give(&worker->store->budget, &worker->allowance, charge);
}

void supply_return(struct store_worker *worker, struct item *item, size_t charge) {
    if (unlikely(!shelf_put(&worker->shelf, item, charge))) {
        supply_free(worker, item, charge);
    }
}

void supply_bound_shelf(struct store_worker *worker) {
    const struct store *store = worker->store;
    uint64_t size_max = budget_limit(&store->budget) / SUPPLY_SHELVES_SHARE / store->workers_max;
    if (size_max > SUPPLY_SHELF_SIZE_MAX) {
        size_max = SUPPLY_SHELF_SIZE_MAX;
    }
    worker->shelf.size_max = MEMORY_KEEPS_FREED * size_max;
}

void supply_trim_shelf(struct store_worker *worker) {
    size_t charge;
    for (void *block; (block = shelf_take_idle(&worker->shelf, &charge)) != NULL;) {
        supply_free(worker, block, charge);
    }
}

void supply_clear_shelf(struct store_worker *worker) {
    size_t charge;
    for (void *block; (block = shelf_take_any(&worker->shelf, &charge)) != NULL;) {
        supply_free(worker, block, charge);
    }
}

struct bucket *supply_take_bucket(struct store_worker *worker) {
    struct bucket *bucket = worker->spare_buckets;
    assert(bucket != NULL);
    worker->spare_buckets = bucket_header_next(atomic_load_explicit(&bucket->header, memory_order_relaxed));
    worker->spare_buckets_count--;
    atomic_store_explicit(&bucket->header, 0, memory_order_relaxed);
    /* relaxed: a level for the statistics. */
    atomic_fetch_add_explicit(&worker->store->growth.index_size, BUCKET_SIZE, memory_order_relaxed);
    return bucket;
}

static void supply_return_bucket(struct store_worker *worker) {
    struct bucket *bucket = worker->spare_buckets;
    worker->spare_buckets = bucket_header_next(atomic_load_explicit(&bucket->header, memory_order_relaxed));
    worker->spare_buckets_count--;
    memory_return(bucket);
    budget_give(&worker->store->budget, &worker->allowance, BUCKET_SIZE);
}

static void supply_trim_to(struct store_worker *worker, size_t chunks_kept, unsigned buckets_kept) {
    for (void *chunk; (chunk = limbo_remove_chunk(&worker->limbo, chunks_kept)) != NULL;) {
        memory_return(chunk);
        budget_give(&worker->store->budget, &worker->allowance, LIMBO_CHUNK_SIZE);
    }
    while (worker->spare_buckets_count > buckets_kept) {
        supply_return_bucket(worker);
    }
}

void supply_trim(struct store_worker *worker) {
    supply_trim_to(worker, SUPPLY_CHUNKS_KEPT + worker->limbo.count / LIMBO_CHUNK_ENTRIES,
                   SUPPLY_BUCKETS_KEPT);
}

void supply_discard(struct store_worker *worker) {
    supply_clear_shelf(worker);
    supply_trim_to(worker, 1, 0);
}
