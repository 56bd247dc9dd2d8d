/* SPDX-License-Identifier: MIT
 *
 * state: the store's own data and a worker's, for the files of this folder.
 *
 * Grouped by who writes: what a look-up reads changes rarely; what is written often has a line of its own.
 * "Atomic" fields may be read by any thread; the comment says who writes. Fields without atomics belong to the
 * thread that the comment names.
 */
#ifndef RIPOSTE_STORE_STATE_H
#define RIPOSTE_STORE_STATE_H

#include <pthread.h>

#include "arena.h"
#include "epoch.h"
#include "ghost.h"
#include "riposte/store.h"
#include "tables.h"

enum {
    STORE_TICK_FIRST = 2,     /* 0 means never, 1 long ago */
    STORE_PREFETCHES_MAX = 8, /* a power of two */
    STORE_EPOCH_LISTS = 4,    /* more than EPOCH_GRACE, a power of two */
    STORE_CLASSES_COUNT = 3,  /* of time to live: see segment_class */
    STORE_DEAD_ITEMS = 4096,  /* a power of two */
};

struct bucket;
struct flush_table;

/* See index.h. */
struct index {
    /* What every look-up reads. */
    alignas(64) struct bucket *homes; /* constant; addresses for as many as the limit could hold */
    struct bucket *overflow;          /* constant; number 0 is never used */
    uint64_t hash_seed;               /* constant */
    _Atomic uint64_t homes_count;     /* written by growth, under resize_locked */

    uint64_t homes_min, homes_max; /* constant */
    uint32_t overflow_max;         /* constant */
    uint32_t *overflow_links;      /* of lists of overflow buckets; each its list's owner's */

    alignas(64) _Atomic bool resize_locked; /* one worker at a time; only a walk waits for it */
    uint64_t homes_size;                    /* bytes charged for homes; under resize_locked */
    _Atomic uint64_t release_epoch; /* when homes behind the end came free; 0: none. Written as above */
    uint64_t release_count;         /* of homes then: those behind are meant; as above */

    alignas(64) _Atomic uint64_t
        items_count; /* about; what workers have not told is less than a batch each */

    alignas(64) pthread_mutex_t overflow_lock;
    uint32_t overflow_free;          /* list; under overflow_lock */
    uint32_t overflow_taken;         /* buckets 1 to n have been used; as above */
    uint64_t overflow_size;          /* bytes charged for them; as above */
    _Atomic uint64_t overflow_count; /* in chains; written under bucket locks */
    _Atomic uint64_t size;           /* bytes of homes and overflow, for the statistics */
};

/* See expire.h and sweep.h. */
struct sweep {
    alignas(64) _Atomic bool locked; /* one worker at a time looks for segments to sweep */
    uint32_t next;                   /* segment to look at next; under the lock */
    _Atomic uint32_t due_tick;       /* nothing expires before */
    uint32_t found_tick;             /* earliest expiry that this round has left behind; under the lock */
    _Atomic bool in_round;           /* a round is under way; written under the lock */
};

/* See flush.c. */
struct flush_sweep {
    alignas(64) pthread_mutex_t lock; /* of who changes the table, and of what follows */
    struct flush_table *retired;      /* tables that a reader may still look at */
    size_t retired_size;              /* bytes of these */
    bool in_round;                    /* items of flushed prefixes are being taken out */
    bool is_waiting;                  /* the round is over: until nobody can hold what it has met */
    uint64_t round_epoch;             /* of its end */
    uint64_t round_number;            /* flushes up to this one were there when the round began */
    struct store_cursor cursor;       /* of the round */
    _Atomic uint64_t round_ns;        /* when the last piece was done */
    _Atomic bool is_busy;             /* there is a table, or a retired one */
    _Atomic uint64_t count;           /* of prefixes that are remembered */
};

struct store {
    struct index index;
    struct arena arena;

    /* See flush.h. Written under the arena's lock. */
    alignas(64) _Atomic uint64_t doubt_number; /* items of segments opened before may be flushed */
    _Atomic(struct flush_table *) flush_table; /* NULL: no prefix is flushed */

    _Atomic uint32_t flush_at_tick;    /* when a delayed flush falls due; 0: none waits */
    _Atomic uint32_t clock_advance_s;  /* seconds added by store_clock_advance */
    _Atomic uint64_t clock_stopped_ns; /* monotonic time at which the clock stands; 0: it goes */
    _Atomic bool orphans_wait;         /* there are some */
    _Atomic bool flushed_wait;         /* there may be segments from before a flush */
    bool evict;                        /* constant */
    uint64_t turn_wait_ns;             /* constant: see store_config */

    _Atomic uint64_t *floors; /* constant: see put.h */
    uint64_t floors_mask;     /* constant */

    struct epoch epoch;
    struct ghost ghost;
    struct sweep sweep;
    struct flush_sweep flush_sweep;

    /* Constant. */
    alignas(64) size_t item_size_max;
    unsigned workers_max;
    uint64_t fixed_size; /* bytes charged for this struct, the descriptors and the ghosts */
    struct bytes note;   /* see store_note_set; the memory is owned */
    struct tables tables;
    /* What was in it is in its file, was damaged there, or is still to be settled: nothing but the end is left. */
    bool is_moved;
    bool is_shared; /* it is moved, but for its tables, which the other one maps */

    /* Constant from the first joining on. */
    bool clock_started;
    uint64_t clock_start_ns; /* monotonic time of tick STORE_TICK_FIRST */
    /* Seconds since 1970 of the same moment, modulo 2^64: by a clock that was set back since it was before. */
    _Atomic uint64_t clock_start_unix_s;

    pthread_mutex_t lock;      /* joining, leaving, orphans; never on the path of a request */
    struct arena_list orphans; /* retired segments of workers that left; under the lock */
    uint32_t orphan_buckets;   /* as above: overflow buckets */

    /* The workers, joined or left, in order of first joining; not freed before the end. See epoch.h. */
    struct epoch_member *members[];
};

/*
 * Which fields share a line, and which must not: README.md argues with it. A field moved elsewhere is noticed here.
 */
#define STORE_LINE(type, field) (offsetof(struct type, field) / 64)

static_assert(STORE_LINE(index, homes) == STORE_LINE(index, homes_count), "one line for a look-up");
static_assert(STORE_LINE(arena, base) == STORE_LINE(arena, segment_shift), "one line for a look-up");
static_assert(STORE_LINE(store, doubt_number) == STORE_LINE(store, floors_mask), "one line for a look-up");
static_assert(STORE_LINE(index, homes_count) < STORE_LINE(index, resize_locked) &&
                  STORE_LINE(index, resize_locked) < STORE_LINE(index, items_count) &&
                  STORE_LINE(index, items_count) < STORE_LINE(index, overflow_lock),
              "growth, the count of items and overflow are written apart");
static_assert(STORE_LINE(arena, classes) < STORE_LINE(arena, lock) &&
                  STORE_LINE(arena, queues) < STORE_LINE(arena, used),
              "levels, which every turn reads, lie apart from the lock");
static_assert(STORE_LINE(ghost, active) < STORE_LINE(ghost, clocks), "a set asks whether there are ghosts");
static_assert(STORE_LINE(epoch, now) < STORE_LINE(epoch, members_count), "now is written alone");
static_assert(STORE_LINE(epoch_member, seen) < STORE_LINE(epoch_member, laggard),
              "what others read of a worker lies apart from what it writes at each operation");
static_assert(sizeof(struct index) % 64 == 0 && sizeof(struct arena) % 64 == 0 &&
                  sizeof(struct epoch) % 64 == 0 && sizeof(struct ghost) % 64 == 0 &&
                  sizeof(struct epoch_member) % 64 == 0,
              "no line of one is another's");

/* A segment that a worker appends to. */
struct segment_open {
    uint32_t index;    /* SEGMENT_NONE: none */
    uint32_t position; /* bytes in use */
    uint64_t number;   /* of the segment's first place */
};

enum evict_mode {
    EVICT_QUEUE,   /* what was used stays, the rest goes: the policy */
    EVICT_COMPACT, /* what lives stays */
};

/* A segment that a worker is emptying or sweeping: see evict.h and sweep.h. */
struct segment_walk {
    uint32_t index;    /* SEGMENT_NONE: none */
    uint32_t position; /* bytes that have been looked at */
    enum evict_mode mode;
    uint64_t moved_size;                  /* bytes that were copied out of it */
    uint32_t expires_first, expires_last; /* of what stays, while sweeping */
};

/* See segment_poison_dead. */
struct dead_item {
    uint32_t location;
    uint64_t number, epoch; /* of its segment; of when it was killed */
};

struct store_worker {
    struct epoch_member member;
    struct store *store;                       /* borrowed until store_worker_leave */
    uint32_t now_tick;                         /* without clock_advance_s */
    uint64_t now_ns;                           /* the monotonic time it was made from */
    bool prefetch_helps;                       /* see store_prefetch_helps */
    unsigned prefetches_count;                 /* of this batch of look-ups */
    uint64_t prefetches[STORE_PREFETCHES_MAX]; /* hashes whose home is on the way: see link.c */

    struct segment_open open[QUEUES_COUNT][STORE_CLASSES_COUNT];
    struct item *fresh;                 /* made last and not stored yet, in an open segment; or NULL */
    uint64_t fresh_hash;                /* of its key */
    uint64_t numbers_next, numbers_end; /* numbers for items with one of their own */
    uint64_t number_above;              /* what the number of the present item must be above */

    struct arena_list retired; /* segments, oldest first */
    struct arena_list pinned;  /* retired long ago, and still pinned */
    uint64_t unpins_seen;      /* of the arena, when these were looked at last */
    uint32_t buckets_spare;    /* list of overflow buckets */
    unsigned buckets_spare_count;
    uint32_t buckets_retired[STORE_EPOCH_LISTS]; /* lists, by the epoch of retiring */
    uint64_t buckets_epochs[STORE_EPOCH_LISTS];
    unsigned buckets_retired_count;

    struct segment_walk emptying, sweeping;
    bool sparse_due; /* a segment was opened since the log was found not to be sparse: see candidate.h */
    uint64_t moved_since_gain; /* bytes copied since eviction last won a segment */
    int32_t items_delta;       /* not yet told to index.items_count */
    bool resize_due;           /* it was told since index_resize was called */
    unsigned wait_ms;          /* until what is retired is worth another look */
    uint64_t retired_moves;
    uint64_t flush_seen;  /* flush_number when the open segments were closed last */
    uint32_t flush_round; /* scan_rounds when a flushed segment was found last */
    bool joined;          /* under store->lock */
    struct dead_item
        *dead_items; /* where memory is poisoned: the last ones that this worker has killed, a ring */
    unsigned dead_items_first, dead_items_count;

    uint64_t paused_ns;   /* of this turn, for the sake of other workers */
    bool room_was_coming; /* when the last request was refused; nobody has said yet that it comes again */

    struct counter items_size_added, items_size_removed; /* bytes of items linked and unlinked */
    struct counter moved_size;                           /* bytes copied by eviction */
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

static inline uint32_t store_advance_s(const struct store *store) {
    /* relaxed: a clock orders nothing. */
    return atomic_load_explicit(&store->clock_advance_s, memory_order_relaxed);
}

static inline uint32_t worker_now_tick(const struct store_worker *worker) {
    return worker->now_tick + store_advance_s(worker->store);
}

static inline uint64_t store_flush_number(const struct store *store) {
    /* relaxed: whoever was told that a flush is done was told by a message that orders this load. */
    return atomic_load_explicit(&store->arena.flush_number, memory_order_relaxed);
}

static inline bool worker_item_expired(const struct store_worker *worker, const struct item *item) {
    uint32_t expires_tick = item_expires(item);
    return unlikely(expires_tick != STORE_EXPIRES_NEVER) && expires_tick <= worker_now_tick(worker);
}

/* The number that clients know the item by. */
static inline uint64_t store_item_cas(const struct store *store, const struct item *item, uint32_t location) {
    uint64_t own = item_own_cas(item);
    return own != 0 ? own : arena_place_number(&store->arena, location);
}

/* What a store is laid out for beyond its configuration; see arena_plan. Zero: what the configuration says. */
struct store_shape {
    int fd;        /* of the arena; -1: a new one */
    int tables_fd; /* of what another process has left beside it; -1: nothing */
    size_t limit_max, item_size_max;
    unsigned segment_shift;
};

/* store.c: what store_create refuses with -EINVAL; and the same as that. */
bool store_config_is_valid(const struct store_config *config);
int store_make(const struct store_config *config, const struct store_shape *shape, struct store **created);

#endif
