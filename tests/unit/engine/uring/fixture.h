/* SPDX-License-Identifier: MIT
 *
 * fixture: a ring of the running kernel. Where that refuses io_uring the test is skipped, with the kernel's reason.
 */
#ifndef TESTS_ENGINE_URING_FIXTURE_H
#define TESTS_ENGINE_URING_FIXTURE_H

#include <criterion/criterion.h>
#include <string.h>

#include "ring.h"

/* A test that waits for a completion that never comes waits no longer than this. */
enum { FIXTURE_WAIT_S = 20 };

/* As ring_init, with as many set-up flags as the kernel takes. To be given to ring_deinit. */
static inline struct ring fixture_ring(unsigned entries, unsigned completion_entries) {
    struct ring ring;
    unsigned flags = ring_setup_flags_all();
    int result = ring_init(&ring, entries, completion_entries, &flags, false);
    if (result < 0) {
        cr_skip_test("no io_uring here: %s", strerror(-result));
    }
    return ring;
}

struct fixture_completion {
    uint64_t tag;
    int result;
    unsigned flags;
};

/* Submits what was taken, waits, and takes the oldest completion. */
static inline struct fixture_completion fixture_reap(struct ring *ring) {
    struct io_uring_cqe *cqe = NULL;
    for (int turns = 0; turns < 1000 && io_uring_peek_cqe(&ring->io, &cqe) != 0; turns++) {
        int result = ring_enter(ring, FIXTURE_WAIT_S * UINT64_C(1000000000));
        cr_assert(result == 0 || result == -EINTR || result == -EAGAIN, "io_uring_enter: %s",
                  strerror(-result));
    }
    cr_assert_not_null(cqe, "no completion");
    struct fixture_completion completion = {cqe->user_data, cqe->res, cqe->flags};
    io_uring_cqe_seen(&ring->io, cqe);
    return completion;
}

#endif
