/* SPDX-License-Identifier: MIT
 *
 * upload: a data block that comes in pieces, written straight into its item.
 *
 * Allocated when a block is not all there with its line, so that connections without one stay small. Its
 * invariant: received_size <= value_size + 2, and the item's first min(received_size, value_size) bytes are
 * the value's.
 */
#ifndef MEMCACHED_UPLOAD_H
#define MEMCACHED_UPLOAD_H

#include "put.h"

struct upload {
    struct mc_put put; /* its slices point into `text` */
    struct item *item; /* owned by whoever holds the upload until it is stored or discarded */
    uint32_t value_size;
    uint32_t received_size; /* bytes of value and line end so far */
    bool end_is_wrong;      /* a byte behind the value was not the line end's */
    char text[];            /* what put.key_text to put.flags was in the line */
};

/* NULL when memory ends; the item stays the caller's then. */
struct upload *upload_create(const struct mc_put *put, struct item *item, uint32_t value_size);

/* Without its item. */
void upload_destroy(struct upload *upload);

/* Takes what belongs to the block off the front of `input`; returns how many bytes. */
size_t upload_take(struct upload *upload, struct bytes input);

bool upload_complete(const struct upload *upload);

#endif
