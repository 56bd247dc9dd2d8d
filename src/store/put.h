/* SPDX-License-Identifier: MIT
 *
 * put: what the storing operations share.
 */
#ifndef RIPOSTE_STORE_PUT_H
#define RIPOSTE_STORE_PUT_H

#include "place.h"
#include "state.h"

/* Whether an item of this kind stays within item_size_max. */
bool put_fits(const struct store_worker *worker, size_t key_size, size_t value_size, bool has_flags);

/* The shape of an item like `item`, without room for a CAS. */
static inline struct item_shape put_shape(const struct item *item) {
    return (struct item_shape){.key = item_key(item),
                               .value_size = item->value_size,
                               .client_flags = item_client_flags(item),
                               .expires_tick = item_expires(item),
                               .key_is_binary = item_has(item, ITEM_KEY_BINARY)};
}

/* Adds marks to an item that is not published yet. */
static inline void put_mark(struct item *item, unsigned marks) {
    atomic_store_explicit(&item->marks, (uint8_t)(item_marks(item) | marks), memory_order_relaxed);
}

/* Stores `item` in an open place, used now, with an explicit CAS unless that is 0. result may be NULL. */
void put_publish(struct store_worker *worker, struct place *place, struct item *item, uint64_t cas,
                 struct put_result *result);

#endif
