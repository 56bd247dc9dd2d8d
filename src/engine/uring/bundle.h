/* SPDX-License-Identifier: MIT
 *
 * bundle: what io_uring has for a multishot send: one request that drains a ring of provided buffers (Linux
 * 6.10). A ring serves one connection at a time, since a bundle sends whatever its ring holds, so there is a
 * pool of URING_SEND_GROUPS. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_URING_BUNDLE_H
#define RIPOSTE_ENGINE_URING_BUNDLE_H

#include "uring.h"

/* A free group with an empty ring; URING_SEND_GROUPS when there is none, or the kernel refuses. */
uint16_t bundle_take(struct uring *uring);

/* `clean`: the kernel has consumed everything in it. Otherwise the ring is made anew at its next use. */
void bundle_return(struct uring *uring, uint16_t group, bool clean);

/* Fills the group with the pieces (1 to URING_SEND_PIECES_MAX) and prepares the send of all of them. */
void bundle_prepare(struct uring *uring, struct io_uring_sqe *sqe, int fd, uint16_t group,
                    const struct iovec *pieces, unsigned count);

/* Frees the groups' rings. */
void bundle_deinit(struct uring *uring);

#endif
