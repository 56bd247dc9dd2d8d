/* SPDX-License-Identifier: MIT
 *
 * buffers: the memory that the kernel receives into, as a ring it takes buffers from by itself (Linux 5.19).
 *
 *      given to the ring --kernel fills it--> read at once by its owner --buffers_return--> given to the ring
 *
 * Invariant: a buffer is out of the ring only while its completion is being handled, so the ring is never
 * empty for longer than one batch of completions.
 */
#ifndef LOAD_BUFFERS_H
#define LOAD_BUFFERS_H

#include <stddef.h>
#include <stdint.h>

#include "ring.h"

enum { BUFFERS_GROUP = 0, BUFFERS_COUNT_MAX = 32768 };

struct buffers {
    struct io_uring_buf_ring *entries; /* owned, mapped; NULL: not made */
    char *memory;                      /* owned, mapped */
    uint32_t count;                    /* power of two */
    uint32_t size;                     /* bytes of one */
    uint32_t returned;                 /* not yet published */
};

/* 0, or a negative errno: EINVAL where the kernel has no such rings. */
int buffers_init(struct buffers *buffers, struct ring *ring, uint32_t count, uint32_t size);

/* After the ring is gone. */
void buffers_deinit(struct buffers *buffers);

static inline const char *buffers_at(const struct buffers *buffers, uint32_t id) {
    return buffers->memory + (size_t)id * buffers->size;
}

/* The buffer has been read. */
void buffers_return(struct buffers *buffers, uint32_t id);

/* Shows the kernel what was returned; once per batch of completions. */
void buffers_publish(struct buffers *buffers);

#endif
