/* SPDX-License-Identifier: MIT
 *
 * store_stats: what a store has counted, and what it holds now. riposte/store.h includes it.
 */
#ifndef RIPOSTE_STORE_STATS_H
#define RIPOSTE_STORE_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/counter.h"

#ifdef __cplusplus
extern "C" {
#endif

struct store;

/*
 * Counters, one set per worker; X(name, help). Sums may be read by any thread.
 */
#define STORE_COUNTERS(X)                                                                                    \
    X(items_added, "items linked into the index")                                                            \
    X(items_removed, "items taken out of the index")                                                         \
    X(items_changed, "items added that are another one with a changed number, expiry or mark")               \
    X(evictions, "live items pushed out for want of memory")                                                 \
    X(evicted_unfetched, "of these, never read")                                                             \
    X(evicted_active, "of these, read within the last minute")                                               \
    X(reclaimed, "expired or flushed items whose memory was taken again")                                    \
    X(expired_unfetched, "of these, expired and never read")                                                 \
    X(swept, "of these, found by the sweep rather than by a request or an eviction")                         \
    X(sweep_checked, "items looked at by the sweep")                                                         \
    X(get_expired, "look-ups, by any command, that met an expired item")                                     \
    X(get_flushed, "look-ups, by any command, that met a flushed item")                                      \
    X(no_memory, "requests answered STORE_NO_MEMORY")                                                        \
    X(too_large, "requests answered STORE_TOO_LARGE")                                                        \
    X(prefix_flushes, "prefixes flushed")                                                                    \
    X(prefix_flushes_refused, "flushes of a prefix refused: too many are remembered, or no memory")          \
    X(retired, "segments handed to reclamation")                                                             \
    X(freed, "segments whose memory reclamation has returned")                                               \
    X(lock_waits, "times a bucket lock was found taken")

struct store_counters {
#define STORE_COUNTER_FIELD(name, help) struct counter name;
    STORE_COUNTERS(STORE_COUNTER_FIELD)
#undef STORE_COUNTER_FIELD
};

/* Levels, read by store_stats; any thread. */
struct store_levels {
    uint64_t items_count;  /* in the index now, expired but not yet reclaimed ones included */
    uint64_t items_size;   /* bytes of these items */
    uint64_t memory_size;  /* bytes charged now, of which: */
    uint64_t small_size;   /* segments of new items, */
    uint64_t main_size;    /* segments of items that were used, */
    uint64_t open_size;    /* segments that are being filled, */
    uint64_t free_size;    /* segments kept ready, */
    uint64_t retired_size; /* segments being emptied, or waiting for readers and replies, */
    uint64_t index_size;
    uint64_t ghosts_size;  /* what is remembered of evicted items, */
    uint64_t dead_size;    /* bytes in segments that no item uses: overwritten, deleted, tails */
    uint64_t small_target; /* bytes that the policy wants for new items */
    uint64_t moved_size;   /* bytes of items copied by eviction, since the start */
    uint64_t segment_size; /* bytes */
    uint64_t memory_size_max;
    uint32_t index_power;       /* log2 of the number of buckets, rounded down */
    bool index_growing;         /* there are more items than the buckets should hold */
    uint64_t epoch;             /* of reclamation */
    uint64_t flushed_prefixes;  /* remembered now */
    uint64_t retired_count;     /* segments waiting for reclamation */
    struct store_counters sums; /* over all workers, those that left included; written with counter_set */
};

/* Items stored, those left out that only are changed ones. Never below 0, although workers count on meanwhile. */
static inline uint64_t store_items_stored(const struct store_counters *sums) {
    uint64_t added = counter_read(&sums->items_added);
    uint64_t changed = counter_read(&sums->items_changed);
    return added > changed ? added - changed : 0;
}

/* A snapshot of levels and sums; any thread, at any time. */
void store_stats(struct store *store, struct store_levels *levels);

#ifdef __cplusplus
}
#endif

#endif
