/* SPDX-License-Identifier: MIT
 *
 * value: a stored value as part of an answer. Three ways by size:
 *
 *      small    head and value written in one reserved run      value_fits_reserve
 *      middle   head reserved, value copied behind it           value_reply
 *      large    head reserved, value sent from the store        value_reply, which pins the item
 *
 * The store keeps "\r\n" behind every value, so that a protocol whose values end a line can send both as one
 * run.
 */
#ifndef PROTOCOL_VALUE_H
#define PROTOCOL_VALUE_H

#include "riposte/reply.h"
#include "riposte/store.h"

enum {
    /* Bytes at and above which a value is sent from the store's memory rather than copied. */
    VALUE_PIN_SIZE_MIN = 4096,
};

/*
 * True when a head of at most head_size_max bytes, `size` bytes of value and all else that head_size_max
 * counts fit one reply_reserve.
 */
static inline bool value_fits_reserve(size_t head_size_max, size_t size) {
    return size <= REPLY_RESERVE_SIZE_MAX - head_size_max;
}

/*
 * Sends `part`, which lies within the view's value and the line end behind it, behind what the reply holds:
 * copied, or pinned until it is sent. True when pinned. The view is of this worker and still valid.
 */
static inline bool value_reply(struct reply *reply, const struct item_view *view, struct bytes part) {
    if (part.size < VALUE_PIN_SIZE_MIN || !store_pin(view)) {
        reply_copy(reply, part);
        return false;
    }
    reply_pin(reply, part, store_unpin, view->pin);
    return true;
}

#endif
