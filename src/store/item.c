/* SPDX-License-Identifier: MIT
 *
 * item: making one, and the parts that most items do not have. See item.h. Any thread that may read the
 * item may call.
 */
#include "item.h"

size_t item_size_of(size_t key_size, size_t value_size, bool has_flags, bool has_cas) {
    return ITEM_HEADER_SIZE + key_size + (has_flags ? ITEM_FLAGS_SIZE : 0) + (has_cas ? ITEM_CAS_SIZE : 0) +
           value_size + ITEM_LINE_END_SIZE;
}

static unsigned item_shape_marks(const struct item_shape *shape) {
    return (shape->key_is_binary ? ITEM_KEY_BINARY : 0u) | (shape->client_flags != 0 ? ITEM_HAS_FLAGS : 0u) |
           (shape->has_cas ? ITEM_HAS_CAS : 0u);
}

struct item *item_init(void *block, const struct item_shape *shape) {
    assert(shape->key.size >= 1 && shape->key.size <= STORE_KEY_SIZE_MAX && shape->value_size < UINT32_MAX);
    struct item *item = block;
    atomic_init(&item->pins, 0);
    atomic_init(&item->expires_tick, shape->expires_tick);
    item->sequence = 0;
    atomic_init(&item->used, 0);
    item->value_size = (uint32_t)shape->value_size;
    item->key_size = (uint8_t)shape->key.size;
    atomic_init(&item->marks, (uint8_t)item_shape_marks(shape));
    memcpy(item->bytes, shape->key.data, shape->key.size);
    if (shape->client_flags != 0) {
        memcpy(item->bytes + shape->key.size, &shape->client_flags, ITEM_FLAGS_SIZE);
    }
    memcpy(item_value(item) + shape->value_size, "\r\n", ITEM_LINE_END_SIZE);
    return item;
}

/* Where the explicit CAS stands: right before the value. */
static char *item_cas_bytes(struct item *item) {
    return item_value(item) - ITEM_CAS_SIZE;
}

void item_set_cas(struct item *item, uint64_t cas) {
    assert(item_has(item, ITEM_HAS_CAS));
    memcpy(item_cas_bytes(item), &cas, ITEM_CAS_SIZE);
}
