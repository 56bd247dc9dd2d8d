/* SPDX-License-Identifier: MIT
 *
 * upload: a value whose size is known and whose bytes come in pieces, written straight into its place, with
 * the end that the protocol wants behind it.
 *
 *      upload_init --> upload_take, as often as bytes come --> upload_complete
 *
 *      | value, value_size bytes | end, end.size bytes |
 *      0 ------------ received_size ----------------> value_size + end.size
 *
 * Invariant: received_size <= value_size + end.size, and the first min(received_size, value_size) bytes of
 * the value are the client's. Allocates nothing and owns nothing; one thread at a time.
 */
#ifndef PROTOCOL_UPLOAD_H
#define PROTOCOL_UPLOAD_H

#include <stdbool.h>

#include "riposte/bytes.h"

struct upload {
    char *value; /* room for value_size bytes, as of store_item_value; borrowed until the last one is there */
    size_t value_size;    /* bytes, from 0 */
    struct bytes end;     /* what must follow the value, "\r\n" or nothing; borrowed, usually static text */
    size_t received_size; /* bytes of value and end so far */
    bool end_is_wrong; /* exactly when a byte behind the value was not the end's; it was taken all the same */
};

void upload_init(struct upload *upload, char *value, size_t value_size, struct bytes end);

/* Takes what belongs to value and end off the front of `input`; returns how many bytes. */
size_t upload_take(struct upload *upload, struct bytes input);

/* True when value and end are there. */
static inline bool upload_complete(const struct upload *upload) {
    return upload->received_size == upload->value_size + upload->end.size;
}

#endif
