/* SPDX-License-Identifier: MIT
 *
 * index: the rarer parts of reading. The rules and the argument stand in index.h.
 */
#include "index.h"

struct item *index_find_migrated(const struct table *table, uint64_t hash, struct bytes key) {
    /* acquire: the next table is complete (it was set before anything was migrated). */
    return index_find_in(atomic_load_explicit(&table->next, memory_order_acquire), hash, key);
}

static void index_scan_bucket(const struct bucket *bucket, void (*look)(void *user, struct item *item),
                              void *user) {
    for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
        /* acquire: pairs with the setting of the entry (W2). */
        uint64_t entry = atomic_load_explicit(&bucket->entries[i], memory_order_acquire);
        if (entry != 0) {
            look(user, entry_item(entry));
        }
    }
}

unsigned index_scan(const struct table *table, uint64_t position, void (*look)(void *user, struct item *item),
                    void *user) {
    const struct bucket *bucket = &table->buckets[position];
    /* acquire: R2. */
    uint64_t header = atomic_load_explicit(&bucket->header, memory_order_acquire);
    if ((header & BUCKET_MIGRATED) != 0) {
        const struct table *next = atomic_load_explicit(&table->next, memory_order_acquire);
        return index_scan(next, position, look, user) +
               index_scan(next, position + table_buckets_count(table), look, user);
    }
    index_scan_bucket(bucket, look, user);
    while ((bucket = bucket_header_next(header)) != NULL) {
        index_scan_bucket(bucket, look, user);
        /* acquire: the next link of the chain (W4). */
        header = atomic_load_explicit(&bucket->header, memory_order_acquire);
    }
    return 1;
}
