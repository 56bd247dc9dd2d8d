/* SPDX-License-Identifier: MIT
 *
 * fetch: looking up with options: touch, create on a miss, and who recomputes a stale value.
 *
 * Winning is one atomic step on the item's mark, so of all workers exactly one is told so. Worker's own
 * thread.
 */
#include "index.h"
#include "place.h"
#include "put.h"
#include "rewrite.h"
#include "use.h"

static enum store_status fetch_plan(const struct store_worker *worker, const void *input, struct item *old,
                                    struct item_shape *shape) {
    (void)worker;
    const struct get_options *options = input;
    shape->key_is_binary = options->key_is_binary;
    shape->has_cas = options->create_cas != 0;
    return old == NULL ? STORE_OK : STORE_EXISTS;
}

static void fetch_fill(const void *input, struct item *item, struct item *old) {
    (void)input;
    (void)old;
    assert(item->value_size == 0);
}

static uint64_t fetch_finish(const void *input, struct item *item, const struct item *old) {
    (void)old;
    const struct get_options *options = input;
    atomic_store_explicit(&item->expires_tick, options->create_expires_tick, memory_order_relaxed);
    put_mark(item, ITEM_WON);
    return options->create_cas;
}

/* STORE_OK: created; STORE_EXISTS: another worker was faster; STORE_NO_MEMORY. */
static enum store_status fetch_create(struct store_worker *worker, struct bytes key,
                                      const struct get_options *options, struct item **item) {
    const struct rewrite rewrite = {
        .key = key, .input = options, .plan = fetch_plan, .fill = fetch_fill, .finish = fetch_finish};
    return rewrite_run(worker, &rewrite, NULL, item);
}

/* Sets the expiry if the item is still the key's. */
static bool fetch_touch(struct store_worker *worker, uint64_t hash, struct bytes key, const struct item *item,
                        uint32_t expires_tick) {
    struct place place;
    place_open_existing(worker, hash, key, &place);
    bool same = place.item == item;
    if (same) {
        place_set_expiry(worker, &place, expires_tick);
    }
    place_close(&place);
    return same;
}

static bool fetch_should_win(const struct store_worker *worker, const struct get_options *options,
                             const struct item_view *view) {
    if (options->meta && view->stale) {
        return true;
    }
    uint32_t expires_tick = options->recache_touched ? options->touch_expires_tick : view->expires_tick;
    if (!options->recache || expires_tick == STORE_EXPIRES_NEVER) {
        return false;
    }
    uint32_t now_tick = worker_now_tick(worker);
    return expires_tick <= now_tick || expires_tick - now_tick < options->recache_below_s;
}

static void fetch_win(struct item *item, struct item_view *view) {
    /* relaxed: the mark alone decides. */
    unsigned before = atomic_fetch_or_explicit(&item->marks, ITEM_WON, memory_order_relaxed);
    view->won = (before & ITEM_WON) == 0;
    view->won_before = !view->won;
}

/* A live item was met. False when it was exchanged before it could be touched. */
static bool fetch_hit(struct store_worker *worker, uint64_t hash, struct bytes key,
                      const struct get_options *options, struct item *item, struct item_view *view) {
    use_view(item, worker_now_fine(worker), view);
    if (options->touch && !fetch_touch(worker, hash, key, item, options->touch_expires_tick)) {
        return false;
    }
    if (fetch_should_win(worker, options, view)) {
        fetch_win(item, view);
    }
    if (!options->no_use) {
        use_item(worker->store, item, worker_now_fine(worker));
    }
    return true;
}

static void fetch_created(struct store_worker *worker, const struct get_options *options, struct item *item,
                          struct item_view *view) {
    use_view(item, worker_now_fine(worker), view);
    view->won = true;
    view->won_before = false;
    if (!options->no_use) {
        use_item(worker->store, item, worker_now_fine(worker));
    }
}

enum store_status store_get_with(struct store_worker *worker, struct bytes key,
                                 const struct get_options *options, struct item_view *view) {
    uint64_t hash = hash_key(worker->store->index.hash_seed, key);
    for (;;) {
        struct item *item = use_find(worker, hash, key);
        if (item != NULL && fetch_hit(worker, hash, key, options, item, view)) {
            return STORE_OK;
        }
        if (item != NULL) {
            continue;
        }
        if (!options->create) {
            return STORE_MISS;
        }
        enum store_status status = fetch_create(worker, key, options, &item);
        if (status == STORE_OK) {
            fetch_created(worker, options, item, view);
        }
        if (status != STORE_EXISTS) {
            return status;
        }
    }
}
