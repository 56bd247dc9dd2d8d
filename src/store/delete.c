/* SPDX-License-Identifier: MIT
 *
 * delete: taking an item out, or keeping it as stale or without its value. See rewrite.h for the latter
 * two. Worker's own thread.
 */
#include "index.h"
#include "place.h"
#include "put.h"
#include "rewrite.h"
#include "supply.h"

static bool delete_compares(const struct delete_options *options, const struct item *item) {
    return options == NULL || !options->compare || options->cas_expected == item_cas(item);
}

/*
 * Without room in limbo the item stays where it is, expired: gone for everybody, and its memory is taken
 * later.
 */
static void delete_item(struct store_worker *worker, struct place *place) {
    if (likely(limbo_room(&worker->limbo) >= SUPPLY_LIMBO_REMOVAL)) {
        place_remove(worker, place);
    } else {
        place_set_expiry(worker, place, STORE_EXPIRED);
    }
}

static enum store_status delete_plain(struct store_worker *worker, struct bytes key,
                                      const struct delete_options *options) {
    struct place place;
    enum store_status status = STORE_OK;
    place_open_existing(worker, hash_key(worker->store->index.hash_seed, key), key, &place);
    if (place.item == NULL) {
        status = STORE_MISS;
    } else if (!delete_compares(options, place.item)) {
        status = STORE_EXISTS;
    } else {
        delete_item(worker, &place);
    }
    place_close(&place);
    return status;
}

static enum store_status delete_plan(const struct store_worker *worker, const void *input, struct item *old,
                                     struct item_shape *shape) {
    (void)worker;
    const struct delete_options *options = input;
    if (old == NULL) {
        return STORE_MISS;
    }
    if (!delete_compares(options, old)) {
        return STORE_EXISTS;
    }
    shape->value_size = options->drop_value ? 0 : old->value_size;
    shape->client_flags = options->drop_value ? options->client_flags : item_client_flags(old);
    shape->key_is_binary = item_has(old, ITEM_KEY_BINARY);
    shape->has_cas = options->cas_new != 0 || !options->invalidate;
    return STORE_OK;
}

static void delete_fill(const void *input, struct item *item, struct item *old) {
    (void)input;
    memcpy(item_value(item), item_value(old), item->value_size);
}

static uint32_t delete_expires(const struct delete_options *options, const struct item *old) {
    if (options->touch) {
        return options->touch_expires_tick;
    }
    return options->drop_value ? STORE_EXPIRES_NEVER : item_expires(old);
}

static uint64_t delete_finish(const void *input, struct item *item, const struct item *old) {
    const struct delete_options *options = input;
    atomic_store_explicit(&item->expires_tick, delete_expires(options, old), memory_order_relaxed);
    if (options->invalidate) {
        put_mark(item, ITEM_STALE);
    }
    if (!options->drop_value) {
        put_mark(item, item_marks(old) & ITEM_FETCHED);
    }
    if (options->cas_new != 0) {
        return options->cas_new;
    }
    return options->invalidate ? 0 : item_cas(old);
}

enum store_status store_delete(struct store_worker *worker, struct bytes key,
                               const struct delete_options *options, struct put_result *result) {
    if (result != NULL) {
        *result = (struct put_result){0};
    }
    if (options == NULL || (!options->invalidate && !options->drop_value)) {
        return delete_plain(worker, key, options);
    }
    const struct rewrite rewrite = {
        .key = key, .input = options, .plan = delete_plan, .fill = delete_fill, .finish = delete_finish};
    return rewrite_run(worker, &rewrite, result, NULL);
}
