/* SPDX-License-Identifier: MIT
 *
 * upload: items in the hands of callers, not stored yet: made, kept over turns while their value comes, given back.
 *
 * One that comes in pieces would pin its segment, and with it a thousand others; so a small one waits outside of the
 * arena, and is copied into the log when it is whole. A large one has a segment to itself anyhow. Worker's own thread.
 */
#include "item.h"

#include <stdlib.h>

#include "evict.h"
#include "put.h"
#include "segment.h"

enum {
    UPLOAD_SHARE = 3, /* what comes in pieces takes one part in so many of the limit at most */
};

bool store_item_fits(struct store_worker *worker, size_t key_size, size_t value_size, bool has_flags) {
    bool fits = put_fits(worker, key_size, value_size, has_flags);
    counter_add(&worker->counters.too_large, !fits);
    return fits;
}

enum store_status store_item_create(struct store_worker *worker, struct bytes key, bool key_is_binary,
                                    uint32_t client_flags, uint32_t expires_tick, size_t value_size,
                                    struct item **item) {
    const struct item_form form = {.key = key,
                                   .value_size = value_size,
                                   .client_flags = client_flags,
                                   .expires_tick = expires_tick,
                                   .key_is_binary = key_is_binary};
    if (unlikely(!store_item_fits(worker, key.size, value_size, client_flags != 0))) {
        return STORE_TOO_LARGE;
    }
    *item = put_make(worker, &form, index_hash(&worker->store->index, key));
    return *item == NULL ? STORE_NO_MEMORY : STORE_OK;
}

char *store_item_value(struct item *item) {
    return item_value(item);
}

void store_item_discard(struct store_worker *worker, struct item *item) {
    put_drop(worker, item);
}

/* Whether one more upload of that size stays within what uploads may take; one is always let in. */
static bool uploads_add(struct store_worker *worker, size_t size) {
    struct arena *arena = &worker->store->arena;
    uint64_t size_max = atomic_load_explicit(&arena->limit, memory_order_relaxed) / UPLOAD_SHARE;
    /* relaxed: a level. */
    uint64_t before = atomic_fetch_add_explicit(&arena->uploads_size, size, memory_order_relaxed);
    if (before != 0 && before + size > size_max) {
        put_uploads_subtract(worker, size);
        return false;
    }
    return true;
}

/* Memory outside of the arena, charged. */
static struct item *outside_take(struct store_worker *worker, size_t size) {
    struct reclaim_wait wait = {0};
    while (!arena_charge(&worker->store->arena, size)) {
        if (!reclaim_make_room(worker, size, &wait)) {
            return NULL;
        }
    }
    struct item *outside = malloc(size);
    if (outside == NULL) {
        arena_uncharge(&worker->store->arena, size);
    }
    return outside;
}

static bool keep_outside(struct store_worker *worker, struct item **item) {
    size_t size = item_size(*item);
    segment_keep_fresh(worker);
    struct item *outside = outside_take(worker, size);
    if (outside == NULL) {
        return false;
    }
    bool kept = item_has(*item, ITEM_KEPT);
    memcpy((void *)outside, (const void *)*item, size);
    item_set_mark(outside, ITEM_KEPT, false);
    item_set_mark(outside, ITEM_OUTSIDE, true);
    assert(kept);
    put_drop(worker, *item);
    *item = outside;
    return true;
}

enum store_status store_item_keep(struct store_worker *worker, struct item **item) {
    bool is_large = arena_is_large(&worker->store->arena, item_size(*item));
    size_t size = is_large ? put_segment(worker, *item)->size : item_size(*item);
    bool kept = uploads_add(worker, size);
    if (kept && is_large) {
        item_set_mark(*item, ITEM_KEPT, true);
    } else if (kept && !keep_outside(worker, item)) {
        put_uploads_subtract(worker, size);
        kept = false;
    }
    if (!kept) {
        put_drop(worker, *item);
        reclaim_refuse(worker);
        return STORE_NO_MEMORY;
    }
    return STORE_OK;
}
