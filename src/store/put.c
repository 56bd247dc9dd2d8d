/* SPDX-License-Identifier: MIT
 *
 * put: making items and storing them: set, add, replace, compare-and-store. Append and prepend stand in
 * join.c.
 *
 * The item is complete before anything is locked; under the lock the old item is looked at, the decision
 * made and one entry written. Worker's own thread.
 */
#include "put.h"

#include "index.h"
#include "join.h"
#include "retire.h"
#include "supply.h"
#include "use.h"

size_t store_item_charge(size_t key_size, size_t value_size, bool has_flags) {
    return memory_charge_of(item_size_of(key_size, value_size, has_flags, false));
}

bool put_fits(const struct store_worker *worker, size_t key_size, size_t value_size, bool has_flags) {
    size_t item_size_max = worker->store->item_size_max;
    return value_size <= item_size_max &&
           item_size_of(key_size, value_size, has_flags, false) <= item_size_max;
}

bool store_item_fits(struct store_worker *worker, size_t key_size, size_t value_size, bool has_flags) {
    bool fits = put_fits(worker, key_size, value_size, has_flags);
    counter_add(&worker->counters.too_large, !fits);
    return fits;
}

enum store_status store_item_create(struct store_worker *worker, struct bytes key, bool key_is_binary,
                                    uint32_t client_flags, uint32_t expires_tick, size_t value_size,
                                    struct item **item) {
    struct item_shape shape = {.key = key,
                               .value_size = value_size,
                               .client_flags = client_flags,
                               .expires_tick = expires_tick,
                               .key_is_binary = key_is_binary};
    if (!store_item_fits(worker, key.size, value_size, client_flags != 0)) {
        return STORE_TOO_LARGE;
    }
    *item = supply_item(worker, &shape);
    return *item == NULL ? STORE_NO_MEMORY : STORE_OK;
}

char *store_item_value(struct item *item) {
    return item_value(item);
}

void store_item_discard(struct store_worker *worker, struct item *item) {
    retire_now(worker, item);
}

/*
 * The same item with room for an explicit CAS; consumes `item`. Only the meta flag E asks for one, so items
 * are not made with it.
 */
static struct item *put_add_cas_room(struct store_worker *worker, struct item *item) {
    struct item_shape shape = put_shape(item);
    shape.has_cas = true;
    struct item *wider = supply_item(worker, &shape);
    if (wider != NULL) {
        memcpy(item_value(wider), item_value(item), item->value_size);
    }
    retire_now(worker, item);
    return wider;
}

/* Compare and store: an older CAS is good enough for a value that is stored as stale. */
static enum store_status put_compare(const struct item *old, struct item *item,
                                     const struct put_options *options) {
    if (old == NULL) {
        return STORE_MISS;
    }
    uint64_t cas = item_cas(old);
    if (options->cas_expected == cas) {
        return STORE_OK;
    }
    if (!options->invalidate || options->cas_expected == 0 || options->cas_expected > cas) {
        return STORE_EXISTS;
    }
    put_mark(item, ITEM_STALE | (item_marks(old) & ITEM_WON));
    atomic_store_explicit(&item->expires_tick, item_expires(old), memory_order_relaxed);
    return STORE_OK;
}

/* Whether `item` may take the place of `old` (NULL: none). */
static enum store_status put_decide(const struct store_worker *worker, struct item *old, struct item *item,
                                    const struct put_options *options) {
    switch (options->mode) {
    case PUT_ADD:
        if (old == NULL) {
            return STORE_OK;
        }
        use_touch(worker->store, old, worker_now_fine(worker));
        return STORE_NOT_STORED;
    case PUT_REPLACE:
        if (options->compare) {
            return put_compare(old, item, options);
        }
        return old != NULL ? STORE_OK : STORE_NOT_STORED;
    case PUT_SET:
        return options->compare ? put_compare(old, item, options) : STORE_OK;
    case PUT_APPEND:
    case PUT_PREPEND:
        break;
    }
    assert(false && "joined in join.c");
    return STORE_NOT_STORED;
}

void put_publish(struct store_worker *worker, struct place *place, struct item *item, uint64_t cas,
                 struct put_result *result) {
    if (cas != 0) {
        item_set_cas(item, cas);
    }
    atomic_store_explicit(&item->used, (uint32_t)worker_now_fine(worker), memory_order_relaxed);
    place_put(worker, place, item);
    if (result != NULL) {
        *result = (struct put_result){.cas = item_cas(item), .value_size = item->value_size};
    }
}

static enum store_status put_store(struct store_worker *worker, struct item *item,
                                   const struct put_options *options, struct put_result *result) {
    struct bytes key = item_key(item);
    struct place place;
    place_open(worker, hash_key(worker->store->index.hash_seed, key), key, &place);
    enum store_status status = put_decide(worker, place.item, item, options);
    if (likely(status == STORE_OK)) {
        put_publish(worker, &place, item, options->cas_new, result);
    }
    place_close(&place);
    if (status != STORE_OK) {
        retire_now(worker, item);
    }
    return status;
}

enum store_status store_put(struct store_worker *worker, struct item *item, const struct put_options *options,
                            struct put_result *result) {
    if (result != NULL) {
        *result = (struct put_result){0};
    }
    if (options->mode == PUT_APPEND || options->mode == PUT_PREPEND) {
        return join_put(worker, item, options, result);
    }
    if (unlikely(options->cas_new != 0) && (item = put_add_cas_room(worker, item)) == NULL) {
        return STORE_NO_MEMORY;
    }
    if (unlikely(!supply_ensure(worker))) {
        retire_now(worker, item);
        return STORE_NO_MEMORY;
    }
    return put_store(worker, item, options, result);
}
