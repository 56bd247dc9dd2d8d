/* SPDX-License-Identifier: MIT
 *
 * state: the store's own data and a worker's, for the files of this folder.
 *
 * Grouped by who writes: a look-up reads the first line only, which changes rarely; what is written often
 * has a line of its own. "Atomic" fields may be read by any thread; the comment says who writes. Fields
 * without atomics belong to whom the comment names.
 */
#ifndef RIPOSTE_STORE_STATE_H
#define RIPOSTE_STORE_STATE_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget.h"
#include "epoch.h"
#include "item.h"
#include "limbo.h"
#include "riposte/store.h"
#include "shelf.h"
#include "table.h"

enum {
    STORE_TICK_FIRST = 2,          /* 0 means never, 1 long ago */
    STORE_USED_COARSE = 4,         /* used_shift: whole seconds */
    STORE_USED_FINE = 0,           /* used_shift: sixteenths */
    STORE_PREFETCHES_MAX = 8,      /* see prefetch.h; a power of two */
    STORE_SWEEP_IDLE = UINT32_MAX, /* sweep.due_tick: nothing will expire */
};

struct index {
    _Atomic(struct table *) table; /* in use; while growing, the older of two. Written at the end of growth */
    uint64_t hash_seed;            /* constant */
};

/* See growth.h. */
struct growth {
    alignas(64) _Atomic bool locked; /* one worker at a time moves growth on; nobody waits for this lock */
    _Atomic uint64_t overflow_count; /* overflow buckets in use; written under bucket locks */
    _Atomic uint64_t index_size;     /* bytes of tables and overflow buckets */
    _Atomic uint64_t wanted_size; /* bytes that the next table needs and the budget did not give; 0: none */
    _Atomic unsigned power;       /* of the table in use: for the statistics, which may not look at tables */
    _Atomic bool under_way;       /* there is a next table: for the statistics */
};

/* See evict.h. */
struct eviction {
    alignas(64) _Atomic uint64_t hand; /* bucket to look at next, counted on without wrapping */
    _Atomic uint64_t age_min;          /* weighted age from which items go; learned */
    _Atomic uint64_t pass_began;       /* when the hand last stood at bucket 0, in sixteenths of a second */
};

/* See sweep.h. */
struct sweep {
    alignas(64) _Atomic bool locked; /* one worker at a time sweeps; nobody waits for this lock */
    _Atomic bool passing;            /* a pass is under way; written under the lock */
    uint32_t earliest_tick;          /* earliest expiry that this pass has left behind; under the lock */
    uint64_t paid_ns;                /* moment up to which the pass has done its share; under the lock */
    struct store_cursor cursor;      /* of the pass; under the lock */
};

struct store {
    /* What every look-up reads. */
    alignas(64) struct index index;
    _Atomic uint64_t flush_sequence;   /* items up to here are gone; only grows */
    _Atomic uint32_t flush_at_tick;    /* when a delayed flush falls due; 0: none waits */
    _Atomic uint32_t clock_advance_s;  /* seconds added to the clock by store_clock_advance */
    _Atomic uint64_t clock_stopped_ns; /* monotonic time at which the clock stands; 0: it goes */
    _Atomic uint32_t sweep_due_tick;   /* no item expires before: see sweep.h */
    _Atomic unsigned used_shift;       /* resolution of `used`: see evict.h */
    _Atomic bool orphans_wait;         /* `orphans` is not empty */
    _Atomic bool limit_lowered;        /* store_memory_limit_set has made the store too large */
    bool evict;                        /* constant */

    /* The order of storing: the number given out last. Written by every store. */
    alignas(64) _Atomic uint64_t sequence;

    struct epoch epoch;
    struct budget budget;
    struct growth growth;
    struct eviction eviction;
    struct sweep sweep;

    /* Constant. */
    alignas(64) size_t item_size_max;
    unsigned workers_max;
    uint64_t fixed_size; /* bytes charged for this struct */

    /* Constant from the first joining on. */
    bool clock_started;
    uint64_t clock_start_ns;             /* monotonic time of tick STORE_TICK_FIRST */
    _Atomic uint64_t clock_start_unix_s; /* seconds since 1970 of the same moment */

    pthread_mutex_t lock;  /* joining, leaving, orphans; never on the path of a request */
    struct limbo orphans;  /* of workers that left; under the lock */
    uint64_t orphans_size; /* bytes charged for them; under the lock */

    /* The workers, joined or left, in order of first joining; not freed before the end. See epoch.h. */
    struct epoch_member *members[];
};
static_assert(offsetof(struct store, evict) < BUCKET_SIZE, "what every look-up reads is one line");

/* A worker's side of tidy.h. */
struct tidy {
    uint64_t due_ns;              /* when to look again */
    uint64_t interval_ns;         /* between two looks: longer and longer while nothing happens */
    uint64_t seen_size;           /* what all workers had returned to the allocator at the last look, */
    uint64_t collected_size;      /* and at the last collection; bytes */
    struct counter returned_size; /* what this worker has returned; bytes */
};

struct store_worker {
    struct epoch_member member;
    struct store *store;       /* borrowed until store_worker_leave */
    uint64_t now_fine;         /* sixteenths of a second on the store's clock, without clock_advance_s */
    uint64_t now_ns;           /* the monotonic time it was made from */
    unsigned prefetches_count; /* of this batch of look-ups */
    uint64_t prefetches[STORE_PREFETCHES_MAX]; /* hashes whose home is on the way: see prefetch.h */
    struct allowance allowance;
    struct shelf shelf;
    struct tidy tidy;
    struct bucket *spare_buckets; /* zeroed, linked by header; for overflow */
    unsigned spare_buckets_count;
    bool growth_hint; /* an overflow bucket was added: look whether the index should grow */
    bool joined;      /* under store->lock */
    struct limbo limbo;
    struct counter limbo_size;                           /* bytes charged for what is in limbo */
    struct counter items_size_added, items_size_removed; /* bytes of items linked and unlinked */
    uint64_t limbo_moves;                                /* retired + freed when limbo was last asked about */
    unsigned limbo_wait_ms;                              /* until limbo is worth another look */
    struct store_counters counters;
    enum store_absence absence; /* of the dead item met last; STORE_ABSENT when that was asked for already */
    void (*on_evict)(void *user, const struct item_view *view); /* NULL: nobody is told of evictions */
    void *on_evict_user;
};

/* The n-th worker, n below epoch_members_count. */
static inline struct store_worker *store_member(const struct store *store, unsigned index) {
    static_assert(offsetof(struct store_worker, member) == 0, "a member is the beginning of its worker");
    return (struct store_worker *)store->members[index];
}

/* The present moment in sixteenths of a second; the tick is this / ITEM_USED_PER_TICK. */
static inline uint64_t worker_now_fine(const struct store_worker *worker) {
    /* relaxed: a clock orders nothing. */
    uint32_t advance_s = atomic_load_explicit(&worker->store->clock_advance_s, memory_order_relaxed);
    return worker->now_fine + (uint64_t)advance_s * ITEM_USED_PER_TICK;
}

static inline uint32_t worker_now_tick(const struct store_worker *worker) {
    return (uint32_t)(worker_now_fine(worker) / ITEM_USED_PER_TICK);
}

static inline bool worker_item_expired(const struct store_worker *worker, const struct item *item) {
    uint32_t expires_tick = item_expires(item);
    return expires_tick != STORE_EXPIRES_NEVER && expires_tick <= worker_now_tick(worker);
}

static inline bool worker_item_flushed(const struct store_worker *worker, const struct item *item) {
    /* relaxed: whoever was told that a flush is done was told by a message that orders this load. */
    return item->sequence <= atomic_load_explicit(&worker->store->flush_sequence, memory_order_relaxed);
}

static inline bool worker_item_lives(const struct store_worker *worker, const struct item *item) {
    return likely(!worker_item_expired(worker, item)) && likely(!worker_item_flushed(worker, item));
}

#endif
