/* SPDX-License-Identifier: MIT
 *
 * answer: the answer to a hit, `VALUE <key> <flags> <bytes>[ <cas>]\r\n<data>\r\n`.
 */
#ifndef MEMCACHED_ANSWER_H
#define MEMCACHED_ANSWER_H

#include "number.h"
#include "riposte/reply.h"
#include "riposte/store.h"
#include "service.h"

enum {
    /* Most bytes of "VALUE <key> <flags> <bytes> <cas>\r\n". */
    ANSWER_VALUE_LINE_SIZE_MAX = 6 + STORE_KEY_SIZE_MAX + 1 + 10 + 1 + 10 + 1 + 20 + 2,
};

/* The reply line and the data of one hit, followed by "END\r\n" when `last`. */
void answer_value(struct memcached_worker *worker, struct reply *reply, const struct item_view *view,
                  bool with_cas, bool last);

/* The data alone, copied or pinned, for a line that stands before it already. */
void answer_value_data(struct memcached_worker *worker, struct reply *reply, const struct item_view *view);

/* The class of every item, where memcached tells its slab class. */
enum { MC_ITEM_CLASS = 1 };

/* Bytes of the item with key and value, as listings show it. */
static inline size_t answer_item_size(const struct item_view *view) {
    return store_item_charge(view->key.size, view->value.size, view->client_flags != 0);
}

#endif
