/* SPDX-License-Identifier: MIT
 *
 * rewrite: see rewrite.h.
 */
#include "rewrite.h"

#include "index.h"
#include "put.h"
#include "retire.h"
#include "supply.h"
#include "use.h"

/* One attempt. */
struct rewrite_attempt {
    uint64_t hash;
    struct item *old;        /* what is rewritten, or NULL */
    struct item_shape shape; /* of the new item, as planned */
    struct item *item;       /* the new item; NULL before it is made and after it is stored */
};

static enum store_status rewrite_look(struct store_worker *worker, const struct rewrite *rewrite,
                                      struct rewrite_attempt *attempt) {
    attempt->old = use_find(worker, attempt->hash, rewrite->key);
    attempt->shape = (struct item_shape){.key = rewrite->key};
    return rewrite->plan(worker, rewrite->input, attempt->old, &attempt->shape);
}

static bool rewrite_same_shape(const struct item_shape *left, const struct item_shape *right) {
    return left->value_size == right->value_size && left->client_flags == right->client_flags &&
           left->key_is_binary == right->key_is_binary && left->has_cas == right->has_cas;
}

/*
 * The memory may have cost a quiescent state: then `old` is looked for again. False when the item no longer
 * fits the plan.
 */
static bool rewrite_confirm(struct store_worker *worker, const struct rewrite *rewrite,
                            struct rewrite_attempt *attempt, uint64_t epoch_before) {
    if (likely(epoch_tag(&worker->member) == epoch_before)) {
        return true; /* step 4 of the argument in epoch.h */
    }
    struct item_shape made = attempt->shape;
    return rewrite_look(worker, rewrite, attempt) == STORE_OK && rewrite_same_shape(&made, &attempt->shape);
}

/* Stores the new item, unless the key has another item by now. */
static bool rewrite_exchange(struct store_worker *worker, const struct rewrite *rewrite,
                             struct rewrite_attempt *attempt, struct put_result *result) {
    struct place place;
    place_open(worker, attempt->hash, rewrite->key, &place);
    bool same = place.item == attempt->old;
    if (same) {
        put_publish(worker, &place, attempt->item,
                    rewrite->finish(rewrite->input, attempt->item, attempt->old), result);
    }
    place_close(&place);
    return same;
}

/* STORE_OK: stored, or *again when another worker was faster. */
static enum store_status rewrite_try(struct store_worker *worker, const struct rewrite *rewrite,
                                     struct rewrite_attempt *attempt, struct put_result *result,
                                     bool *again) {
    *again = false;
    enum store_status status = rewrite_look(worker, rewrite, attempt);
    if (status != STORE_OK) {
        return status;
    }
    uint64_t epoch_before = epoch_tag(&worker->member);
    attempt->item = supply_item(worker, &attempt->shape);
    if (attempt->item == NULL) {
        return STORE_NO_MEMORY;
    }
    if (!supply_ensure(worker)) {
        retire_now(worker, attempt->item);
        return STORE_NO_MEMORY;
    }
    *again = true;
    if (rewrite_confirm(worker, rewrite, attempt, epoch_before)) {
        rewrite->fill(rewrite->input, attempt->item, attempt->old);
        *again = !rewrite_exchange(worker, rewrite, attempt, result);
    }
    if (*again) {
        retire_now(worker, attempt->item);
    }
    return STORE_OK;
}

enum store_status rewrite_run(struct store_worker *worker, const struct rewrite *rewrite,
                              struct put_result *result, struct item **stored) {
    struct rewrite_attempt attempt = {.hash = hash_key(worker->store->index.hash_seed, rewrite->key)};
    enum store_status status;
    bool again;
    do {
        status = rewrite_try(worker, rewrite, &attempt, result, &again);
    } while (again);
    if (stored != NULL) {
        *stored = status == STORE_OK ? attempt.item : NULL;
    }
    return status;
}
