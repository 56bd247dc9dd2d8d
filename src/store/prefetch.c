/* SPDX-License-Identifier: MIT
 *
 * prefetch: see prefetch.h.
 */
#include "prefetch.h"

#include "index.h"

enum { PREFETCH_POWER_MIN = 13 /* 512 KiB of homes */, PREFETCH_LINE_SIZE = 64 };

static void prefetch_home(const struct table *table, uint64_t hash) {
    __builtin_prefetch(table_home(table, hash), 0, 3);
}

/*
 * The second step: which item it will be is guessed from the tag alone. Most items with a small value lie
 * on two lines.
 */
static void prefetch_item(const struct table *table, uint64_t hash) {
    const struct bucket *home = table_home(table, hash);
    uint32_t matches = match_tag(home, entry_tag(hash));
    if (matches == 0) {
        return;
    }
    /* relaxed: nothing is read there. */
    uint64_t entry = atomic_load_explicit(&home->entries[match_next(&matches)], memory_order_relaxed);
    const char *item = (const char *)entry_item(entry);
    __builtin_prefetch(item, 0, 3);
    __builtin_prefetch(item + PREFETCH_LINE_SIZE, 0, 3);
}

void store_prefetch(struct store_worker *worker, struct bytes key) {
    const struct index *index = &worker->store->index;
    const struct table *table = index_table(index);
    uint64_t hash = hash_key(index->hash_seed, key);
    if (table->power < PREFETCH_POWER_MIN) {
        prefetch_item(table, hash);
        return;
    }
    uint64_t *waiting = &worker->prefetches[worker->prefetches_count % STORE_PREFETCHES_MAX];
    prefetch_home(table, hash);
    if (worker->prefetches_count >= STORE_PREFETCHES_MAX) {
        prefetch_item(table, *waiting);
    }
    *waiting = hash;
    worker->prefetches_count++;
}

void prefetch_finish(struct store_worker *worker) {
    const struct table *table = index_table(&worker->store->index);
    unsigned count =
        worker->prefetches_count < STORE_PREFETCHES_MAX ? worker->prefetches_count : STORE_PREFETCHES_MAX;
    worker->prefetches_count = 0;
    for (unsigned i = 0; i < count; i++) {
        prefetch_item(table, worker->prefetches[i]);
    }
}
