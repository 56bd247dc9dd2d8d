/* SPDX-License-Identifier: MIT
 *
 * lifecycle: creating and destroying a store, joining and leaving it, changing its limit.
 *
 *      store_create --> store_worker_join ... store_worker_leave --> store_destroy
 *                          any number of times, up to workers_max at a time
 *
 * A worker's structure stays when it leaves, for its counters and for scans that are reading it, and serves
 * the next that joins.
 */
#include <errno.h>

#include "audit.h"
#include "index.h"
#include "memory.h"
#include "retire.h"
#include "supply.h"
#include "tick.h"

enum {
    STORE_POWER_DEFAULT = 10,
    STORE_WORKERS_MAX = 1024,
    STORE_ITEM_SIZE_MIN = 1024, /* bytes, smallest item_size_max */
    STORE_INDEX_SHARE = 2,      /* the first table takes at most one part in so many of the limit */
};

static unsigned store_first_power(const struct store_config *config) {
    return config->index_power_min != 0 ? config->index_power_min : STORE_POWER_DEFAULT;
}

static bool store_config_is_valid(const struct store_config *config) {
    unsigned power = store_first_power(config);
    return config->memory_size_max >= STORE_MEMORY_SIZE_MIN && config->item_size_max >= STORE_ITEM_SIZE_MIN &&
           config->item_size_max <= config->memory_size_max / 2 && config->workers_max >= 1 &&
           config->workers_max <= STORE_WORKERS_MAX && power >= TABLE_POWER_MIN && power <= TABLE_POWER_MAX &&
           table_size(power) <= config->memory_size_max / STORE_INDEX_SHARE;
}

static size_t store_struct_size(unsigned workers_max) {
    size_t size = sizeof(struct store) + workers_max * sizeof(struct epoch_member *);
    return (size + BUCKET_SIZE - 1) / BUCKET_SIZE * BUCKET_SIZE;
}

static void store_init(struct store *store, const struct store_config *config, struct table *table) {
    atomic_init(&store->index.table, table);
    store->index.hash_seed = config->hash_seed;
    atomic_init(&store->sweep_due_tick, STORE_SWEEP_IDLE);
    atomic_init(&store->used_shift, STORE_USED_COARSE);
    store->evict = config->evict;
    epoch_init(&store->epoch, store->members, config->workers_max);
    budget_init(&store->budget, config->memory_size_max, config->workers_max);
    atomic_init(&store->growth.power, table->power);
    atomic_init(&store->growth.index_size, table->mapped_size);
    store->item_size_max = config->item_size_max;
    store->workers_max = config->workers_max;
    store->fixed_size = store_struct_size(config->workers_max);
    pthread_mutex_init(&store->lock, NULL);
}

int store_create(const struct store_config *config, struct store **created) {
    if (!store_config_is_valid(config)) {
        return -EINVAL;
    }
    memory_configure();
    struct store *store = memory_take_zeroed(store_struct_size(config->workers_max), BUCKET_SIZE);
    if (store == NULL) {
        return -ENOMEM;
    }
    struct table *table = table_map(store_first_power(config));
    if (table == NULL) {
        memory_return(store);
        return -ENOMEM;
    }
    store_init(store, config, table);
    bool charged = budget_take_shared(&store->budget, store->fixed_size + table->mapped_size);
    assert(charged); /* half of the limit for the table, and a few KiB */
    *created = store;
    return 0;
}

/*
 * --- the end
 * -------------------------------------------------------------------------------------------------
 */

static void store_free_item(void *user, struct item *item) {
    struct store *store = user;
    assert(atomic_load_explicit(&item->pins, memory_order_acquire) == 0);
    budget_give_shared(&store->budget, item_charge(item));
    memory_return(item);
}

static void store_free_chain(struct store *store, const struct bucket *home) {
    uint64_t header = atomic_load_explicit(&home->header, memory_order_relaxed);
    for (struct bucket *bucket; (bucket = bucket_header_next(header)) != NULL;) {
        header = atomic_load_explicit(&bucket->header, memory_order_relaxed);
        budget_give_shared(&store->budget, BUCKET_SIZE);
        memory_return(bucket);
    }
}

static void store_free_table(struct store *store, struct table *table) {
    bool gone;
    budget_give_shared(&store->budget, table_unmap(table, SIZE_MAX, &gone));
}

/* Items and overflow buckets of a table, and the table. What was migrated belongs to the next one. */
static void store_free_index(struct store *store, struct table *table) {
    struct table *next = atomic_load_explicit(&table->next, memory_order_acquire);
    for (uint64_t i = 0; i < table_buckets_count(table); i++) {
        uint64_t header = atomic_load_explicit(&table->buckets[i].header, memory_order_relaxed);
        if ((header & BUCKET_MIGRATED) != 0) {
            continue;
        }
        index_scan(table, i, store_free_item, store);
        store_free_chain(store, &table->buckets[i]);
    }
    store_free_table(store, table);
    if (next != NULL) {
        store_free_index(store, next);
    }
}

static void store_free_chunks(struct store *store, struct limbo *limbo) {
    for (void *chunk; (chunk = limbo_remove_chunk(limbo, 0)) != NULL;) {
        budget_give_shared(&store->budget, LIMBO_CHUNK_SIZE);
        memory_return(chunk);
    }
}

static void store_free_orphans(struct store *store) {
    enum limbo_kind kind;
    for (void *pointer; (pointer = limbo_look(&store->orphans, 0, UINT64_MAX, &kind)) != NULL;
         limbo_drop(&store->orphans, 0)) {
        switch (kind) {
        case LIMBO_ITEM:
            store_free_item(store, pointer);
            break;
        case LIMBO_BUCKET:
            budget_give_shared(&store->budget, BUCKET_SIZE);
            memory_return(pointer);
            break;
        case LIMBO_TABLE:
            store_free_table(store, pointer);
            break;
        }
    }
    store_free_chunks(store, &store->orphans);
}

static void store_free_workers(struct store *store) {
    for (unsigned i = 0; i < epoch_members_count(&store->epoch); i++) {
        struct store_worker *worker = store_member(store, i);
        assert(!worker->joined && worker->limbo.count == 0);
        store_free_chunks(store, &worker->limbo);
        budget_give_shared(&store->budget, sizeof(*worker));
        memory_return(worker);
    }
}

void store_destroy(struct store *store) {
    assert_slow(audit_index(store));
    store_free_orphans(store);
    store_free_index(store, atomic_load_explicit(&store->index.table, memory_order_acquire));
    store_free_workers(store);
    budget_give_shared(&store->budget, store->fixed_size);
    /* Every byte that was charged has been given back: nothing has leaked. */
    assert(budget_committed(&store->budget) == 0);
    pthread_mutex_destroy(&store->lock);
    memory_return(store);
}

/*
 * --- workers
 * -------------------------------------------------------------------------------------------------
 */

/* The structure of a worker that has left, or NULL. Under the lock. */
static struct store_worker *store_idle_worker(struct store *store) {
    for (unsigned i = 0; i < epoch_members_count(&store->epoch); i++) {
        if (!store_member(store, i)->joined) {
            return store_member(store, i);
        }
    }
    return NULL;
}

/* Under the lock. */
static struct store_worker *store_new_worker(struct store *store) {
    if (epoch_members_count(&store->epoch) == store->workers_max) {
        return NULL;
    }
    if (!budget_take_shared(&store->budget, sizeof(struct store_worker))) {
        return NULL;
    }
    struct store_worker *worker =
        memory_take_zeroed(sizeof(struct store_worker), alignof(struct store_worker));
    if (worker == NULL) {
        budget_give_shared(&store->budget, sizeof(struct store_worker));
        return NULL;
    }
    worker->store = store;
    epoch_join(&store->epoch, &worker->member);
    return worker;
}

struct store_worker *store_worker_join(struct store *store, uint64_t now_ns) {
    pthread_mutex_lock(&store->lock);
    struct store_worker *worker = store_idle_worker(store);
    if (worker == NULL) {
        worker = store_new_worker(store);
    }
    if (worker != NULL) {
        worker->joined = true;
        supply_bound_shelf(worker);
        worker->on_evict = NULL;
        tick_start(store, now_ns);
    }
    pthread_mutex_unlock(&store->lock);
    if (worker == NULL) {
        return NULL;
    }
    store_online(worker, now_ns);
    /*
     * Room in limbo from the beginning, if there is any memory: without, nothing can be evicted to make
     * some.
     */
    supply_limbo(worker, SUPPLY_LIMBO_REMOVAL);
    return worker;
}

/* Hands what is still in limbo to whoever comes next. */
static void store_leave_limbo(struct store_worker *worker) {
    struct store *store = worker->store;
    if (worker->limbo.count == 0) {
        return;
    }
    void *chunk = limbo_remove_chunk(&worker->limbo, 0);
    limbo_adopt(&store->orphans, &worker->limbo);
    if (chunk != NULL) {
        limbo_add_chunk(&worker->limbo, chunk);
    }
    store->orphans_size += counter_read(&worker->limbo_size);
    counter_set(&worker->limbo_size, 0);
    atomic_store_explicit(&store->orphans_wait, true, memory_order_relaxed);
}

void store_worker_leave(struct store_worker *worker) {
    struct store *store = worker->store;
    if (epoch_tag(&worker->member) == 0) {
        epoch_online(&store->epoch, &worker->member);
    }
    retire_pass(worker);
    retire_drain(worker, SIZE_MAX);
    supply_discard(worker);
    pthread_mutex_lock(&store->lock);
    store_leave_limbo(worker);
    budget_close(&store->budget, &worker->allowance);
    epoch_offline(&worker->member); /* before another thread may take the structure over */
    worker->joined = false;
    pthread_mutex_unlock(&store->lock);
}

bool store_memory_limit_set(struct store_worker *worker, size_t memory_size_max) {
    struct store *store = worker->store;
    uint64_t index_size = atomic_load_explicit(&store->growth.index_size, memory_order_relaxed);
    if (memory_size_max < STORE_MEMORY_SIZE_MIN || memory_size_max < index_size + store->fixed_size) {
        return false;
    }
    budget_set_limit(&store->budget, memory_size_max);
    /* relaxed: the next turn of any worker looks. */
    atomic_store_explicit(&store->limit_lowered, true, memory_order_relaxed);
    return true;
}
