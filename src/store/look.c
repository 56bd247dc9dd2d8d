/* SPDX-License-Identifier: MIT
 *
 * look: several keys at once, as a pipeline of gets asks for them.
 *
 *      store_look_ahead    hashes all, then asks the memory system for all homes, then for all items
 *      store_look_up       finds each, counts its use, and says where the value stands
 *
 * What a get needs stays in registers from one key to the next, and of an item only what an answer has in it is looked
 * at: store_look_view tells the rest.
 */
#include "link.h"

/* In an index that a core's own cache holds the homes need not be asked for. */
static __attribute__((noinline)) void look_prefetch(struct store_worker *worker, struct store_look *looks,
                                                    unsigned count) {
    const struct store *store = worker->store;
    uint64_t homes_count = index_homes_count(&store->index);
    if (homes_count >= LINK_PREFETCH_HOMES_MIN) {
        for (unsigned i = 0; i < count; i++) {
            __builtin_prefetch(index_home(&store->index, homes_count, looks[i].hash), 0, 3);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        looks[i].seen = link_prefetch_item(store, homes_count, looks[i].hash);
    }
}

/* flatten: the hash of a short key is less work than calling it. */
__attribute__((flatten)) void store_look_ahead(struct store_worker *worker, struct store_look *looks,
                                               unsigned count) {
    const struct index *index = &worker->store->index;
    for (unsigned i = 0; i < count; i++) {
        looks[i].hash = index_hash(index, looks[i].key);
        looks[i].seen = NULL;
    }
    if (count > 1 && worker->prefetch_helps) { /* a lone one has nothing to overlap with */
        look_prefetch(worker, looks, count);
    }
}

/* The key's item: where it was seen ahead of time, if it is still there, or wherever it is. */
static inline_always struct index_found look_find(const struct store *store, const struct store_look *look) {
    struct index_found found = {.location = 0};
    if (look->seen != NULL) {
        found = index_find_seen(store, look->seen, look->key);
    }
    return found.location != 0 ? found : index_find_item(store, look->hash, look->key);
}

/* The item is there, and in use. */
static inline_always void look_fill(struct store_look *look, const struct index_found *found) {
    const struct item *item = found->item;
    bool has_flags = (shape_marks(found->shape) & ITEM_HAS_FLAGS) != 0;
    look->value = bytes_of(found->key + look->key.size, item_value_size_of(item, found->shape));
    look->client_flags = unlikely(has_flags) ? item_client_flags(item) : 0;
}

void store_look_up(struct store_worker *worker, struct store_look *looks, unsigned count) {
    uint32_t now_tick = worker_now_tick(worker);
    link_prefetch_end(worker);
    for (struct store_look *look = looks; look < looks + count; look++) {
        struct index_found found = look_find(worker->store, look);
        found = link_living(worker, look->hash, found);
        look->location = found.location;
        if (likely(found.location != 0)) {
            look_fill(look, &found);
            item_use(found.item, now_tick, ITEM_FETCHED);
        }
    }
}

void store_look_view(const struct store_worker *worker, const struct store_look *look,
                     struct item_view *view) {
    assert(store_look_found(look));
    link_view(worker->store, look->location, view);
}
