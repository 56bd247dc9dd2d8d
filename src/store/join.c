/* SPDX-License-Identifier: MIT
 *
 * join: a value behind or before the present one. Flags, expiry and the form of the key stay the old
 * item's; the marks of stale and won go, as with every ordinary store. See rewrite.h for how. Worker's own
 * thread.
 */
#include "join.h"

#include "put.h"
#include "retire.h"
#include "rewrite.h"

struct join {
    struct item *added;
    const struct put_options *options;
};

static enum store_status join_plan_creation(const struct join *join, struct item_shape *shape) {
    if (!join->options->create) {
        return STORE_NOT_STORED;
    }
    shape->value_size = join->added->value_size;
    shape->client_flags = item_client_flags(join->added);
    shape->key_is_binary = item_has(join->added, ITEM_KEY_BINARY);
    return STORE_OK;
}

static enum store_status join_plan(const struct store_worker *worker, const void *input, struct item *old,
                                   struct item_shape *shape) {
    const struct join *join = input;
    shape->has_cas = join->options->cas_new != 0;
    if (old == NULL) {
        return join_plan_creation(join, shape);
    }
    if (join->options->compare && join->options->cas_expected != item_cas(old)) {
        return STORE_EXISTS;
    }
    shape->value_size = (size_t)old->value_size + join->added->value_size;
    shape->client_flags = item_client_flags(old);
    shape->key_is_binary = item_has(old, ITEM_KEY_BINARY);
    bool fits = put_fits(worker, shape->key.size, shape->value_size, shape->client_flags != 0);
    return fits ? STORE_OK : STORE_NOT_STORED;
}

static char *join_copy(char *to, struct item *from) {
    if (from == NULL) {
        return to;
    }
    memcpy(to, item_value(from), from->value_size);
    return to + from->value_size;
}

static void join_fill(const void *input, struct item *item, struct item *old) {
    const struct join *join = input;
    bool behind = join->options->mode == PUT_APPEND;
    char *middle = join_copy(item_value(item), behind ? old : join->added);
    join_copy(middle, behind ? join->added : old);
}

static uint64_t join_finish(const void *input, struct item *item, const struct item *old) {
    const struct join *join = input;
    uint32_t expires_tick = old != NULL ? item_expires(old) : join->options->create_expires_tick;
    atomic_store_explicit(&item->expires_tick, expires_tick, memory_order_relaxed);
    return join->options->cas_new;
}

enum store_status join_put(struct store_worker *worker, struct item *added, const struct put_options *options,
                           struct put_result *result) {
    const struct join join = {.added = added, .options = options};
    const struct rewrite rewrite = {
        .key = item_key(added), .input = &join, .plan = join_plan, .fill = join_fill, .finish = join_finish};
    enum store_status status = rewrite_run(worker, &rewrite, result, NULL);
    retire_now(worker, added);
    return status;
}
