/* SPDX-License-Identifier: MIT
 *
 * audit: see audit.h.
 */
#include "audit.h"

#include <stdio.h>

#include "index.h"
#include "stats.h"

struct audit {
    struct store *store;
    const struct table *table;
    uint64_t position; /* of the home in `table` */
    uint64_t items_count;
    uint64_t overflow_count;
    bool good;
};

static void audit_expect(struct audit *audit, bool condition, const char *rule) {
    if (condition) {
        return;
    }
    fprintf(stderr, "index: %s (table of 2^%u homes, home %llu)\n", rule, audit->table->power,
            (unsigned long long)audit->position);
    audit->good = false;
}

/* How often a key stands in a chain. */
static unsigned audit_occurrences(const struct bucket *home, struct bytes key) {
    unsigned count = 0;
    for (const struct bucket *bucket = home; bucket != NULL;
         bucket = bucket_header_next(atomic_load_explicit(&bucket->header, memory_order_relaxed))) {
        for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
            uint64_t entry = atomic_load_explicit(&bucket->entries[i], memory_order_relaxed);
            count += entry != 0 && item_has_key(entry_item(entry), key);
        }
    }
    return count;
}

static void audit_entry(struct audit *audit, const struct bucket *home, uint64_t entry) {
    const struct item *item = entry_item(entry);
    struct bytes key = item_key(item);
    uint64_t hash = hash_key(audit->store->index.hash_seed, key);
    audit->items_count++;
    audit_expect(audit, entry >> ENTRY_TAG_SHIFT == entry_tag(hash),
                 "an entry carries another tag than its key's");
    audit_expect(audit, (hash & audit->table->mask) == audit->position, "an item is not in its home");
    audit_expect(audit, audit_occurrences(home, key) == 1, "a key is there twice");
    audit_expect(audit,
                 item->sequence != 0 &&
                     item->sequence <= atomic_load_explicit(&audit->store->sequence, memory_order_relaxed),
                 "an item has no place in the order of storing");
}

static void audit_chain(struct audit *audit, const struct bucket *home) {
    for (const struct bucket *bucket = home; bucket != NULL;
         bucket = bucket_header_next(atomic_load_explicit(&bucket->header, memory_order_relaxed))) {
        audit->overflow_count += bucket != home;
        for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
            uint64_t entry = atomic_load_explicit(&bucket->entries[i], memory_order_relaxed);
            if (entry != 0) {
                audit_entry(audit, home, entry);
            }
        }
    }
}

static void audit_table(struct audit *audit, const struct table *table) {
    const struct table *next = atomic_load_explicit(&table->next, memory_order_acquire);
    audit->table = table;
    for (uint64_t i = 0; i < table_buckets_count(table); i++) {
        uint64_t header = atomic_load_explicit(&table->buckets[i].header, memory_order_acquire);
        bool migrated = (header & BUCKET_MIGRATED) != 0;
        audit->position = i;
        audit_expect(audit, (header & BUCKET_LOCKED) == 0, "a lock was left");
        audit_expect(audit, migrated == (next != NULL && i < table->migrated_count),
                     "a home is migrated out of turn");
        if (!migrated) {
            audit_chain(audit, &table->buckets[i]);
        }
    }
    if (next != NULL) {
        audit_table(audit, next);
    }
}

bool audit_index(struct store *store) {
    struct audit audit = {.store = store, .good = true};
    audit_table(&audit, index_table(&store->index));
    audit_expect(&audit, audit.items_count == stats_items_count(store), "the count of items is wrong");
    audit_expect(&audit,
                 audit.overflow_count ==
                     atomic_load_explicit(&store->growth.overflow_count, memory_order_relaxed),
                 "the count of overflow buckets is wrong");
    return audit.good;
}
