/* SPDX-License-Identifier: MIT
 *
 * retire: see retire.h.
 */
#include "retire.h"

#include "memory.h"
#include "supply.h"

/* A table goes back to the system in pieces: unmapping a large one at once would hold up a turn. */
enum { RETIRE_TABLE_PIECE = 4 * 1024 * 1024, RETIRE_PINNED_MAX = 32, RETIRE_PREFETCH = 4 };

static void retire(struct store_worker *worker, void *pointer, enum limbo_kind kind, size_t charge) {
    assert(epoch_tag(&worker->member) != 0); /* on-line */
    limbo_push(&worker->limbo, pointer, kind, epoch_tag(&worker->member));
    counter_add(&worker->limbo_size, charge);
}

void retire_item(struct store_worker *worker, struct item *item, size_t charge) {
    counter_add(&worker->counters.retired, 1);
    retire(worker, item, LIMBO_ITEM, charge);
}

void retire_bucket(struct store_worker *worker, struct bucket *bucket) {
    retire(worker, bucket, LIMBO_BUCKET, BUCKET_SIZE);
}

void retire_table(struct store_worker *worker, struct table *table) {
    retire(worker, table, LIMBO_TABLE, table->mapped_size);
}

void retire_now(struct store_worker *worker, struct item *item) {
    supply_return(worker, item, item_charge(item));
}

static void retire_uncharge_index(struct store_worker *worker, size_t size) {
    /* relaxed: a level for the statistics. */
    atomic_fetch_sub_explicit(&worker->store->growth.index_size, size, memory_order_relaxed);
    budget_give(&worker->store->budget, &worker->allowance, size);
}

/* Each frees one entry as far as it can, says how many bytes, and returns whether it is gone. */
static bool retire_free_item(struct store_worker *worker, struct item *item, size_t *freed_size) {
    /*
     * acquire: pairs with store_unpin; the last reader's reads come before. No new pin can come: the item
     * is past its grace.
     */
    if (atomic_load_explicit(&item->pins, memory_order_acquire) != 0) {
        return false;
    }
    *freed_size = item_charge(item);
    counter_add(&worker->counters.freed, 1);
    supply_return(worker, item, *freed_size);
    return true;
}

static bool retire_free_bucket(struct store_worker *worker, struct bucket *bucket, size_t *freed_size) {
    *freed_size = BUCKET_SIZE;
    memory_return(bucket);
    retire_uncharge_index(worker, BUCKET_SIZE);
    return true;
}

static bool retire_free_table(struct store_worker *worker, struct table *table, size_t *freed_size) {
    bool gone;
    *freed_size = table_unmap(table, RETIRE_TABLE_PIECE, &gone);
    retire_uncharge_index(worker, *freed_size);
    return gone;
}

static bool retire_free(struct store_worker *worker, void *pointer, enum limbo_kind kind) {
    size_t freed_size = 0;
    bool gone = false;
    switch (kind) {
    case LIMBO_ITEM:
        gone = retire_free_item(worker, pointer, &freed_size);
        break;
    case LIMBO_BUCKET:
        gone = retire_free_bucket(worker, pointer, &freed_size);
        break;
    case LIMBO_TABLE:
        gone = retire_free_table(worker, pointer, &freed_size);
        break;
    }
    counter_set(&worker->limbo_size, counter_read(&worker->limbo_size) - freed_size);
    return gone;
}

/*
 * What waits is put at the end, or, for want of room, skipped. Entries come to the front of the head chunk
 * one by one, whichever it is.
 */
struct retire_drain {
    uint64_t epoch_max;
    unsigned kept_count; /* put at the end */
    unsigned skip;       /* left where they are, in the head chunk */
};

/* Asks for the entry that comes up in a moment: what is freed was last touched long ago. */
static void retire_prefetch(const struct limbo *limbo, unsigned skip) {
    enum limbo_kind kind;
    void *pointer = limbo_look(limbo, skip + RETIRE_PREFETCH, UINT64_MAX, &kind);
    __builtin_prefetch(pointer, 1, 3);
}

static bool retire_drain_one(struct store_worker *worker, struct retire_drain *drain) {
    struct limbo *limbo = &worker->limbo;
    enum limbo_kind kind;
    void *pointer = limbo_look(limbo, drain->skip, drain->epoch_max, &kind);
    if (pointer == NULL) {
        return false;
    }
    retire_prefetch(limbo, drain->skip);
    if (retire_free(worker, pointer, kind)) {
        limbo_drop(limbo, drain->skip);
    } else if (limbo_room(limbo) != 0) {
        limbo_drop(limbo, drain->skip);
        limbo_push(limbo, pointer, kind, epoch_tag(&worker->member));
        drain->kept_count++;
    } else {
        drain->skip++;
    }
    return true;
}

void retire_drain(struct store_worker *worker, size_t entries_max) {
    uint64_t now = epoch_now(&worker->store->epoch);
    if (now <= EPOCH_GRACE) {
        return;
    }
    struct retire_drain drain = {.epoch_max = now - EPOCH_GRACE};
    while (entries_max-- != 0 && drain.kept_count < RETIRE_PINNED_MAX) {
        if (!retire_drain_one(worker, &drain)) {
            return;
        }
    }
}

void retire_pass(struct store_worker *worker) {
    struct epoch *epoch = &worker->store->epoch;
    epoch_quiescent(epoch, &worker->member);
    for (unsigned i = 0; i < EPOCH_GRACE && epoch_advance(epoch, &worker->member); i++) {
        epoch_quiescent(epoch, &worker->member);
    }
}
