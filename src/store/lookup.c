/* SPDX-License-Identifier: MIT
 *
 * lookup: several keys at once, as a pipeline of gets asks for them.
 *
 *      store_lookup_prefetch    hashes all, then asks the memory system for all homes, then for all items
 *      store_lookup_run         finds each, counts its use, and says where the value stands
 *
 * What a get needs stays in registers from one key to the next, and of an item only what an answer has in it is looked
 * at: store_lookup_view tells the rest.
 */
#include "link.h"

/* In an index that a core's own cache holds the homes need not be asked for. */
static __attribute__((noinline)) void lookup_prefetch(struct store_worker *worker,
                                                      struct store_lookup *lookups, unsigned count) {
    const struct store *store = worker->store;
    uint64_t homes_count = index_homes_count(&store->index);
    if (homes_count >= LINK_PREFETCH_HOMES_MIN) {
        for (unsigned i = 0; i < count; i++) {
            __builtin_prefetch(index_home(&store->index, homes_count, lookups[i].hash), 0, 3);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        lookups[i].seen = link_prefetch_item(store, homes_count, lookups[i].hash);
    }
}

/* flatten: the hash of a short key is less work than calling it. */
__attribute__((flatten)) void store_lookup_prefetch(struct store_worker *worker, struct store_lookup *lookups,
                                                    unsigned count) {
    const struct index *index = &worker->store->index;
    for (unsigned i = 0; i < count; i++) {
        lookups[i].hash = index_hash(index, lookups[i].key);
        lookups[i].seen = NULL;
    }
    if (count > 1 && worker->prefetch_helps) { /* a lone one has nothing to overlap with */
        lookup_prefetch(worker, lookups, count);
    }
}

/* The key's item: where it was seen ahead of time, if it is still there, or wherever it is. */
static inline_always struct index_found lookup_find(const struct store *store,
                                                    const struct store_lookup *lookup) {
    struct index_found found = {.location = 0};
    if (lookup->seen != NULL) {
        found = index_find_seen(store, lookup->seen, lookup->key);
    }
    return found.location != 0 ? found : index_find_item(store, lookup->hash, lookup->key);
}

/* The item is there, and in use. */
static inline_always void lookup_fill(struct store_lookup *lookup, const struct index_found *found) {
    const struct item *item = found->item;
    bool has_flags = (shape_marks(found->shape) & ITEM_HAS_FLAGS) != 0;
    lookup->value = bytes_of(found->key + lookup->key.size, item_value_size_of(item, found->shape));
    lookup->client_flags = unlikely(has_flags) ? item_client_flags(item) : 0;
}

void store_lookup_run(struct store_worker *worker, struct store_lookup *lookups, unsigned count) {
    uint32_t now_tick = worker_now_tick(worker);
    link_prefetch_end(worker);
    for (struct store_lookup *lookup = lookups; lookup < lookups + count; lookup++) {
        struct index_found found = lookup_find(worker->store, lookup);
        found = link_living(worker, lookup->hash, found);
        lookup->location = found.location;
        if (likely(found.location != 0)) {
            lookup_fill(lookup, &found);
            item_use(found.item, now_tick, ITEM_FETCHED);
        }
    }
}

void store_lookup_view(const struct store_worker *worker, const struct store_lookup *lookup,
                       struct item_view *view) {
    assert(store_lookup_found(lookup));
    link_view(worker->store, lookup->location, view);
}
