/* SPDX-License-Identifier: MIT
 *
 * ring: one thread's io_uring, and how that thread waits.
 *
 * Made, used and ended by one thread. Errors are negative errno; a ring that failed stays failed.
 */
#ifndef LOAD_RING_H
#define LOAD_RING_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

#include "failure.h"

struct ring {
    struct io_uring uring;
    bool made;
    bool spin;        /* look for completions instead of sleeping: for a thread that has its CPU to itself */
    int error;        /* 0 or the first error that cannot be mended, negative */
    uint64_t idle_ns; /* time spent looking for completions in vain; while spinning only */
};

/* entries: submission entries, a power of two. False: *failure says why and what helps. */
bool ring_init(struct ring *ring, unsigned entries, bool spin, struct failure *failure);
void ring_deinit(struct ring *ring);

/* Whether a receive may be armed once and answer many times (Linux 6.0). */
bool ring_has_multishot_receive(struct ring *ring);

/* Whether a request may go without a completion when it succeeds (Linux 5.17). */
static inline bool ring_has_quiet_success(const struct ring *ring) {
    return (ring->uring.features & IORING_FEAT_CQE_SKIP) != 0;
}

/* An empty entry; submits when the queue is full. NULL: the ring has failed. */
struct io_uring_sqe *ring_sqe(struct ring *ring);

/* Hands over what is queued and waits until there is a completion or the clock shows deadline_ns. */
void ring_turn(struct ring *ring, uint64_t deadline_ns);

#endif
