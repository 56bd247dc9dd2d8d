/* SPDX-License-Identifier: MIT
 *
 * index: from key to item, for readers without a lock and writers with one bucket's lock.
 *
 * Rules
 *  W1. A chain is changed only while its home is LOCKED, and only if the home is not MIGRATED.
 *  W2. An item is complete before its entry is set (release), and retired, not freed, after its entry was
 *      cleared or exchanged.
 *  W3. Entries do not move. A newer item of a key goes into the entry of the older one.
 *  W4. An overflow bucket is complete before it is linked (release). It is unlinked only when empty, keeps
 *      its own link, and is retired.
 *  W5. Migration (growth.c) copies the entries of home i of a table of n buckets to homes i and n + i of
 *      the next table, under the lock of i, and then sets MIGRATED (release). Nobody looks at these two
 *      homes before. The old chain is never changed again; its overflow buckets are retired at once, its
 *      home with the table.
 *
 * Why a reader that takes no lock is right
 *  R1. Memory: what it reaches was linked at some moment since its last quiescent state, so it is not freed
 *      before its next (epoch.h). By W2, W4 and its own acquire loads it sees complete items and buckets.
 *  R2. A key that is present during the whole look-up is found. If the reader finds its home not MIGRATED,
 *      then the key's entry was, at that load, in this chain; by W3 it stays in its place, in the old chain
 *      even after migration (W5). The reader passes every bucket that was linked all the time, since an
 *      unlinked bucket still leads on (W4), and the key's bucket is never empty. If the home is MIGRATED,
 *      the same holds in the next table, whose homes were complete before the mark.
 *  R3. What it finds was the key's item at some moment of the look-up: at the load of the entry, or, when
 *      the bucket was migrated in between, at the load of the header.
 *  R4. Not finding a key means that it was absent at some moment of the look-up: otherwise R2.
 *
 * Why writers are right: all changes of a key happen under one lock at a time, that of the only home which
 * is not MIGRATED; the mark is set under the same lock, so whoever waited for it sees it and goes on to the
 * next table.
 *
 * Nobody holds two locks, and nothing is allocated under one.
 */
#ifndef RIPOSTE_STORE_INDEX_H
#define RIPOSTE_STORE_INDEX_H

#include "hash.h"
#include "match.h"
#include "state.h"

/* Goes on in the tables that follow. */
struct item *index_find_migrated(const struct table *table, uint64_t hash, struct bytes key);

/* The item of a key, live or not, or NULL. On-line worker; see R1 for how long it stays valid. */
static inline struct item *index_find_in(const struct table *table, uint64_t hash, struct bytes key) {
    const struct bucket *bucket = table_home(table, hash);
    uint64_t tag = entry_tag(hash);
    /* acquire: R2; entries and next table are loaded after it. */
    uint64_t header = atomic_load_explicit(&bucket->header, memory_order_acquire);
    if (unlikely((header & BUCKET_MIGRATED) != 0)) {
        return index_find_migrated(table, hash, key);
    }
    for (;;) {
        for (uint32_t matches = match_tag(bucket, tag); matches != 0;) {
            unsigned i = match_next(&matches);
            /* acquire: pairs with the setting of the entry (W2). */
            uint64_t entry = atomic_load_explicit(&bucket->entries[i], memory_order_acquire);
            struct item *item = entry_item(entry);
            if (likely(entry >> ENTRY_TAG_SHIFT == tag) && likely(item_has_key(item, key))) {
                return item;
            }
        }
        bucket = bucket_header_next(header);
        if (likely(bucket == NULL)) {
            return NULL;
        }
        /* acquire: the next link of the chain (W4). */
        header = atomic_load_explicit(&bucket->header, memory_order_acquire);
    }
}

static inline const struct table *index_table(const struct index *index) {
    /* acquire: pairs with the end of growth, which publishes the next table. */
    return atomic_load_explicit(&index->table, memory_order_acquire);
}

static inline struct item *index_find(const struct index *index, uint64_t hash, struct bytes key) {
    return index_find_in(index_table(index), hash, key);
}

/*
 * Calls `look` for each item of one home of `table`, or, when it was migrated, of the homes that follow it.
 * Without a lock; items may be dead. Returns how many homes were looked at.
 */
unsigned index_scan(const struct table *table, uint64_t position, void (*look)(void *user, struct item *item),
                    void *user);

#endif
