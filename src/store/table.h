/* SPDX-License-Identifier: MIT
 *
 * table: an array of buckets, each one cache line of tagged pointers.
 *
 *      bucket   | header | entry 0 | entry 1 | ... | entry 6 |          8 words, 64 bytes
 *      header   | 0: LOCKED | 1: MIGRATED | 6..63: next bucket of the chain (overflow) or 0 |
 *      entry    | 0..47: item | 48..63: tag: bit 15 set, then the hash's upper 15 bits |      0: free
 *
 * The first bucket of a chain (its home) is part of the array; the others are allocated one by one when a
 * home is full. LOCKED and MIGRATED mean something in a home only. An entry never moves: it is set,
 * exchanged for a newer item of the same key, and cleared, in the same place. Rules of access stand in
 * index.h.
 */
#ifndef RIPOSTE_STORE_TABLE_H
#define RIPOSTE_STORE_TABLE_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/check.h"

struct item;

enum {
    BUCKET_ENTRIES = 7,
    BUCKET_SIZE = 64, /* bytes: the cache line of x86-64 and of arm64 */
    TABLE_POWER_MIN = 6,
    TABLE_POWER_MAX = 32,
};

#define BUCKET_LOCKED   UINT64_C(1)
#define BUCKET_MIGRATED UINT64_C(2)
#define BUCKET_NEXT     (~UINT64_C(63))

enum { ENTRY_TAG_SHIFT = 48 };
#define ENTRY_TAG_USED  UINT64_C(0x8000)
#define ENTRY_ITEM_MASK ((UINT64_C(1) << ENTRY_TAG_SHIFT) - 1)

struct bucket {
    alignas(BUCKET_SIZE) _Atomic uint64_t header;
    _Atomic uint64_t entries[BUCKET_ENTRIES];
};
static_assert(sizeof(struct bucket) == BUCKET_SIZE, "a bucket is one cache line");

/* Header and buckets are one mapping. power, mask and buckets never change; next changes once, from NULL. */
struct table {
    alignas(BUCKET_SIZE) uint64_t mask; /* number of buckets - 1 */
    unsigned power;                     /* log2 of the number of buckets */
    _Atomic(struct table *) next;       /* twice as large; not NULL from the beginning of growth on */
    uint64_t migrated_count;            /* homes 0 to n - 1 are migrated; under the growth lock */
    size_t mapped_size;                 /* bytes still mapped: see table_unmap */
    struct bucket buckets[];
};
static_assert(offsetof(struct table, buckets) == BUCKET_SIZE, "buckets begin on a line");

/* Bytes of the mapping, which is what the table is charged with. */
size_t table_size(unsigned power);

/* All buckets empty and unlocked. NULL when the system has no memory. */
struct table *table_map(unsigned power);

/*
 * Gives back at most size_max bytes, from the end, and returns how many; the last call (0 left) takes the
 * header too.
 */
size_t table_unmap(struct table *table, size_t size_max, bool *gone);

static inline uint64_t table_buckets_count(const struct table *table) {
    return table->mask + 1;
}

/* The home of a key in this table. The table is const to its readers, the buckets are not. */
static inline struct bucket *table_home(const struct table *table, uint64_t hash) {
    return (struct bucket *)&table->buckets[hash & table->mask];
}

static inline struct bucket *bucket_header_next(uint64_t header) {
    return (struct bucket *)(uintptr_t)(header & BUCKET_NEXT);
}

static inline uint64_t entry_tag(uint64_t hash) {
    return hash >> ENTRY_TAG_SHIFT | ENTRY_TAG_USED;
}

static inline uint64_t entry_make(uint64_t hash, const struct item *item) {
    uint64_t address = (uint64_t)(uintptr_t)item;
    assert((address & ~ENTRY_ITEM_MASK) == 0);
    return entry_tag(hash) << ENTRY_TAG_SHIFT | address;
}

static inline struct item *entry_item(uint64_t entry) {
    return (struct item *)(uintptr_t)(entry & ENTRY_ITEM_MASK);
}

#endif
