/* SPDX-License-Identifier: MIT
 *
 * value: chooses between copying a value and pinning it.
 */
#include "value.h"

bool value_reply(struct reply *reply, const struct item_view *view, struct bytes part) {
    if (part.size < VALUE_PIN_SIZE_MIN || !store_pin(view)) {
        reply_copy(reply, part);
        return false;
    }
    reply_pin(reply, part, store_unpin, view->pin);
    return true;
}
