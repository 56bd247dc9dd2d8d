/* SPDX-License-Identifier: MIT
 *
 * buffers: the receive buffers of one worker, lent to the kernel through a ring.
 *
 *      1. buffers_init gives all of them to the kernel
 *      2. the kernel fills one and names it in a completion: buffers_take says where the bytes are
 *         (an incremental buffer is used up piece by piece; the kernel keeps the rest: IORING_CQE_F_BUF_MORE)
 *      3. the bytes are consumed, or copied out, before the turn ends
 *      4. buffers_return gives all finished ones back
 *
 * Invariant between turns: every buffer is the kernel's. Within a turn: the kernel has count - finished_count of them.
 */
#ifndef RIPOSTE_ENGINE_URING_BUFFERS_H
#define RIPOSTE_ENGINE_URING_BUFFERS_H

#include <stdbool.h>
#include <stdint.h>

#include "ring.h"

struct buffers {
    struct io_uring_buf_ring *ring; /* shared with the kernel; owned */
    char *memory;                   /* count x size bytes; owned */
    uint32_t size;                  /* of one buffer, bytes */
    uint32_t count;                 /* a power of two */
    bool incremental;
    uint32_t *offsets;  /* per buffer: where its next bytes come, incremental ones only; owned */
    uint16_t *finished; /* ids the kernel has given up this turn; owned */
    uint32_t finished_count;
};

/*
 * Registers `count` buffers of `size` bytes as group `group`. 0; -EINVAL where the kernel does not know
 * incremental buffers, or provided-buffer rings at all; -ENOMEM.
 */
int buffers_init(struct buffers *buffers, struct ring *ring, uint16_t group, uint32_t size, uint32_t count,
                 bool incremental);
/* Frees what the kernel does not know of. Its memory stays mapped: an abandoned ring may still write to it. */
void buffers_abandon(struct buffers *buffers);

void buffers_deinit(struct buffers *buffers, struct ring *ring, uint16_t group);

/* Where the bytes of a completion with a result above 0 and F_BUFFER are; they stay until buffers_return. */
char *buffers_take(struct buffers *buffers, const struct io_uring_cqe *cqe);

/* Gives the finished buffers back to the kernel. Nobody holds bytes of them any more. */
void buffers_return(struct buffers *buffers);

#endif
