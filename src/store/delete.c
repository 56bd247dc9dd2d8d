/* SPDX-License-Identifier: MIT
 *
 * delete: taking an item out, or keeping it as stale or without its value. See put.h for the latter two.
 * Worker's own thread.
 */
#include "link.h"
#include "put.h"

static bool delete_compares(const struct store_worker *worker, const struct delete_options *options,
                            const struct item *item, uint32_t location) {
    return options == NULL || !options->compare ||
           options->cas_expected == store_item_cas(worker->store, item, location);
}

static enum store_status delete_plain(struct store_worker *worker, struct bytes key,
                                      const struct delete_options *options) {
    struct place place;
    enum store_status status = STORE_OK;
    link_open(worker, index_hash(&worker->store->index, key), key, &place);
    if (place.item == NULL) {
        status = STORE_MISS;
    } else if (!delete_compares(worker, options, place.item, place.location)) {
        status = STORE_EXISTS;
    } else {
        link_remove(worker, &place);
    }
    place_close(&place);
    index_help_resize(worker);
    return status;
}

static uint32_t delete_expires(const struct delete_options *options, const struct item *old) {
    if (options->touch) {
        return options->touch_expires_tick;
    }
    return options->drop_value ? STORE_EXPIRES_NEVER : item_expires(old);
}

static enum store_status delete_plan(const struct store_worker *worker, const void *input,
                                     const struct update_old *old, struct item_form *form) {
    const struct delete_options *options = input;
    if (old->item == NULL) {
        return STORE_MISS;
    }
    if (!delete_compares(worker, options, old->item, old->location)) {
        return STORE_EXISTS;
    }
    form->value_size = options->drop_value ? 0 : item_value_size(old->item);
    form->client_flags = options->drop_value ? options->client_flags : item_client_flags(old->item);
    form->key_is_binary = item_has(old->item, ITEM_KEY_BINARY);
    form->expires_tick = delete_expires(options, old->item);
    form->cas = options->cas_new;
    if (form->cas == 0 && !options->invalidate) {
        form->cas = store_item_cas(worker->store, old->item, old->location);
        form->cas_is_drawn = item_number_is_drawn(old->item);
    }
    return STORE_OK;
}

static void delete_fill(const void *input, struct item *item, const struct update_old *old) {
    (void)input;
    memcpy(item_value(item), item_value(old->item), item_value_size(item));
}

static void delete_finish(const void *input, struct item *item, const struct update_old *old) {
    const struct delete_options *options = input;
    if (item_has(item, ITEM_HAS_EXPIRY)) {
        item_set_expires(item, delete_expires(options, old->item));
    }
    if (options->invalidate) {
        item_set_mark(item, ITEM_STALE, true);
    }
    if (!options->drop_value) {
        item_set_used(item, item_used(old->item) & ITEM_FETCHED);
    }
}

enum store_status store_delete(struct store_worker *worker, struct bytes key,
                               const struct delete_options *options, struct put_result *result) {
    if (result != NULL) {
        *result = (struct put_result){0};
    }
    if (options == NULL || (!options->invalidate && !options->drop_value)) {
        return delete_plain(worker, key, options);
    }
    const struct update update = {.key = key,
                                  .hash = index_hash(&worker->store->index, key),
                                  .input = options,
                                  .keeps_number = options->cas_new != 0 || !options->invalidate,
                                  .plan = delete_plan,
                                  .fill = delete_fill,
                                  .finish = delete_finish};
    return update_run(worker, &update, result, NULL);
}
