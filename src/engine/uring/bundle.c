/* SPDX-License-Identifier: MIT
 *
 * bundle: rings of provided buffers to send from; --send=bundle.
 */
#include "bundle.h"

#include <errno.h>
#include <sys/mman.h>

enum { GROUP_RING_SIZE = URING_SEND_PIECES_MAX * sizeof(struct io_uring_buf) };

static uint16_t bundle_group_number(uint16_t group) {
    return (uint16_t)(URING_RECV_GROUP + 1 + group);
}

static int bundle_register(struct uring *uring, uint16_t group) {
    struct send_group *send_group = &uring->groups[group];
    void *memory = mmap(NULL, GROUP_RING_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return -ENOMEM;
    }
    struct io_uring_buf_reg registration = {
        .ring_addr = (__u64)(uintptr_t)memory,
        .ring_entries = URING_SEND_PIECES_MAX,
        .bgid = bundle_group_number(group),
    };
    int result = io_uring_register_buf_ring(&uring->ring.io, &registration, 0);
    if (result < 0) {
        munmap(memory, GROUP_RING_SIZE);
        return result;
    }
    send_group->ring = memory;
    io_uring_buf_ring_init(send_group->ring);
    return 0;
}

static void bundle_unregister(struct uring *uring, uint16_t group) {
    struct send_group *send_group = &uring->groups[group];
    if (send_group->ring != NULL) {
        io_uring_unregister_buf_ring(&uring->ring.io, bundle_group_number(group));
        munmap(send_group->ring, GROUP_RING_SIZE);
        send_group->ring = NULL;
    }
}

uint16_t bundle_take(struct uring *uring) {
    uint16_t group = uring->group_free_first;
    if (group == URING_SEND_GROUPS) {
        return group;
    }
    if (uring->groups[group].ring == NULL && bundle_register(uring, group) < 0) {
        uring->bundle = false;
        return URING_SEND_GROUPS;
    }
    uring->group_free_first = uring->groups[group].next_free;
    return group;
}

void bundle_return(struct uring *uring, uint16_t group, bool clean) {
    if (!clean) {
        bundle_unregister(uring, group);
    }
    uring->groups[group].next_free = uring->group_free_first;
    uring->group_free_first = group;
}

static void bundle_fill(struct uring *uring, uint16_t group, const struct iovec *pieces, unsigned count) {
    struct io_uring_buf_ring *ring = uring->groups[group].ring;
    int mask = io_uring_buf_ring_mask(URING_SEND_PIECES_MAX);
    for (unsigned i = 0; i < count; i++) {
        io_uring_buf_ring_add(ring, pieces[i].iov_base, (unsigned)pieces[i].iov_len, (unsigned short)i, mask,
                              (int)i);
    }
    io_uring_buf_ring_advance(ring, (int)count);
}

void bundle_prepare(struct uring *uring, struct io_uring_sqe *sqe, int fd, uint16_t group,
                    const struct iovec *pieces, unsigned count) {
    bundle_fill(uring, group, pieces, count);
    /*
     * Length 0: whatever the group holds. WAITALL: without it a short send would leave a piece half consumed
     * in the ring.
     */
    io_uring_prep_send(sqe, fd, NULL, 0, MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = bundle_group_number(group);
    /* BUNDLE: one request takes as many buffers of the group as the socket has room for. */
    sqe->ioprio |= IORING_RECVSEND_BUNDLE;
}

void bundle_deinit(struct uring *uring) {
    for (uint16_t group = 0; group < URING_SEND_GROUPS; group++) {
        bundle_unregister(uring, group);
    }
}
