/* SPDX-License-Identifier: MIT
 *
 * ring: one io_uring of one thread: set-up and the one system call of the loop.
 *
 * Results are negative errno; io_uring never sets errno itself. Only the thread that called ring_init may use
 * the ring.
 */
#ifndef RIPOSTE_ENGINE_URING_RING_H
#define RIPOSTE_ENGINE_URING_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <liburing.h>

/*
 * --- constants of the kernel's interface that liburing 2.3 (Debian 12) lacks ---
 *
 * Each line can go when the oldest supported liburing is the one named beside it. A constant says nothing about the
 * running kernel: probe.c finds that out.
 */

/* Flag of struct io_uring_buf_reg: buffers are used up piece by piece. Linux 6.12, liburing 2.8. */
#ifndef IOU_PBUF_RING_INC
#define IOU_PBUF_RING_INC 2
#endif

/* cqe->flags: the kernel goes on using this buffer. Linux 6.12, liburing 2.8. */
#ifndef IORING_CQE_F_BUF_MORE
#define IORING_CQE_F_BUF_MORE (1U << 4)
#endif

/* sqe->ioprio of send: drain a ring of provided buffers. Linux 6.10, liburing 2.7. */
#ifndef IORING_RECVSEND_BUNDLE
#define IORING_RECVSEND_BUNDLE (1U << 4)
#endif

/* sqe->ioprio of a zero-copy send: tell whether it copied after all. Linux 6.2, liburing 2.4. */
#ifndef IORING_SEND_ZC_REPORT_USAGE
#define IORING_SEND_ZC_REPORT_USAGE (1U << 3)
#endif
#ifndef IORING_NOTIF_USAGE_ZC_COPIED
#define IORING_NOTIF_USAGE_ZC_COPIED (1U << 31)
#endif

/* Flag of io_uring_enter: a wait is not accounted as I/O wait. Linux 6.15, liburing 2.10. */
#ifndef IORING_ENTER_NO_IOWAIT
#define IORING_ENTER_NO_IOWAIT (1U << 7)
#endif

/* params.features. Linux 6.10 and 6.15; liburing 2.7 and 2.10. */
#ifndef IORING_FEAT_RECVSEND_BUNDLE
#define IORING_FEAT_RECVSEND_BUNDLE (1U << 14)
#endif
#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17)
#endif

/* --- the ring --- */

struct ring {
    struct io_uring io;
    unsigned enter_flags; /* of every io_uring_enter on this ring */
    int enter_fd;         /* the ring's descriptor, or its registered number */
};

/*
 * Set-up flags that are tried first; those the kernel refuses are dropped one by one, the last of the list
 * first.
 */
unsigned ring_setup_flags_all(void);

/*
 * Makes a ring with `entries` submissions and about `completion_entries` completions, and with as many of *setup_flags as the
 * kernel takes; *setup_flags becomes those. 0 or a negative errno: -ENOMEM (what may help then is tried by uring_open), ...
 */
int ring_init(struct ring *ring, unsigned entries, unsigned completion_entries, unsigned *setup_flags,
              bool no_iowait);
void ring_deinit(struct ring *ring);

/*
 * For a ring made with IORING_SETUP_R_DISABLED in *setup_flags, which takes nothing until then: from now on it takes the
 * operations, flags and registrations that the engine uses; all else completes with -EACCES. For ever. zero_copy: a zero-copy
 * send is one that the kernel knows. 0 or a negative errno.
 */
int ring_restrict(struct ring *ring, bool zero_copy);

/* A cleared submission entry, or NULL when all are taken: ring_enter first. */
static inline struct io_uring_sqe *ring_sqe(struct ring *ring) {
    return io_uring_get_sqe(&ring->io);
}

/* Entries taken and not yet submitted. */
static inline unsigned ring_unsubmitted(const struct ring *ring) {
    return ring->io.sq.sqe_tail - *ring->io.sq.khead;
}

/* True when there is a completion to reap. */
static inline bool ring_has_completion(const struct ring *ring) {
    /* acquire: the completion entry is read after the tail that announces it. */
    return __atomic_load_n(ring->io.cq.ktail, __ATOMIC_ACQUIRE) != *ring->io.cq.khead;
}

/* True when the kernel has work or kept completions that only an enter turns into ones to reap. */
static inline bool ring_wants_enter(const struct ring *ring) {
    /* relaxed: a hint; what it announces is fetched by a system call. */
    unsigned flags = __atomic_load_n(ring->io.sq.kflags, __ATOMIC_RELAXED);
    return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

/* True when completions did not fit the completion queue and wait in the kernel. */
static inline bool ring_overflowed(const struct ring *ring) {
    return (__atomic_load_n(ring->io.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_CQ_OVERFLOW) != 0;
}

/*
 * Submits what was taken, runs the kernel's waiting work, and waits for one completion: at most timeout_ns, 0
 * not at all, UINT64_MAX without end. 0, or a negative errno: -ETIME, -EINTR, -EBUSY and -EAGAIN ask for
 * nothing but another turn.
 */
int ring_enter(struct ring *ring, uint64_t timeout_ns);

#endif
