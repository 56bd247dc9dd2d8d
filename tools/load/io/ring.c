/* SPDX-License-Identifier: MIT
 *
 * ring: sets up an io_uring with the best flags there are, submits, and waits asleep or spinning.
 */
#include "ring.h"

#include <errno.h>
#include <string.h>

#include "cpu_relax.h"
#include "exit_code.h"
#include "riposte/check.h"
#include "riposte/clock.h"

/* Looks at the completion queue between two looks at the clock: a look costs about 1 ns, the clock 20. */
enum { LOOKS_PER_CLOCK = 32, SUBMIT_ATTEMPTS_MAX = 1000 };

/*
 * Sets of flags from best to plainest; a kernel that does not know one answers EINVAL.
 *
 *      SINGLE_ISSUER   only this thread submits: less locking (6.0).
 *      DEFER_TASKRUN   completions are worked out when this thread asks, in batches (6.1).
 *      COOP_TASKRUN    no interrupts to run completion work (5.19).
 *      TASKRUN_FLAG    the ring says that such work waits: what spinning looks at (5.19).
 *      SUBMIT_ALL      one request that is refused does not stop those behind it (5.18).
 */
static const unsigned setup_flags[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
        IORING_SETUP_SUBMIT_ALL,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
    0,
};

static int uring_init(struct ring *ring, unsigned entries) {
    int status = -EINVAL;
    for (size_t i = 0; i < sizeof(setup_flags) / sizeof(setup_flags[0]) && status == -EINVAL; i++) {
        struct io_uring_params params = {
            /* CQSIZE: every connection may have a receive and a send complete between two looks. */
            .flags = setup_flags[i] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
            .cq_entries = entries * 4,
        };
        status = io_uring_queue_init_params(entries, &ring->uring, &params);
    }
    return status;
}

static const char *init_cure(int status) {
    switch (status) {
    case -EPERM:
        return "a seccomp profile (containers), kernel.io_uring_disabled or a security module forbids it";
    case -ENOSYS:
        return "this kernel has no io_uring; Linux 5.11 or later is needed";
    case -ENOMEM:
        return "raise the limit of locked memory (ulimit -l), or use fewer threads";
    case -EMFILE:
    case -ENFILE:
        return "raise the limit of open files (ulimit -n)";
    default:
        return "see io_uring_setup(2)";
    }
}

bool ring_init(struct ring *ring, unsigned entries, bool spin, struct failure *failure) {
    *ring = (struct ring){.spin = spin};
    int status = uring_init(ring, entries);
    if (status < 0) {
        failure_write(failure, EXIT_CODE_SYSTEM, "io_uring cannot be set up (%s): %s", strerror(-status),
                      init_cure(status));
        return false;
    }
    ring->made = true;
    /* Saves a descriptor look-up at each enter (5.18); going without is no fault. */
    io_uring_register_ring_fd(&ring->uring);
    return true;
}

void ring_deinit(struct ring *ring) {
    if (ring->made) {
        io_uring_queue_exit(&ring->uring);
        ring->made = false;
    }
}

bool ring_has_multishot_receive(struct ring *ring) {
    struct io_uring_probe *probe = io_uring_get_probe_ring(&ring->uring);
    if (probe == NULL) {
        return false;
    }
    /* There is no probe for a flag of an operation: SEND_ZC came with the same kernel. */
    bool has = io_uring_opcode_supported(probe, IORING_OP_SEND_ZC) != 0;
    io_uring_free_probe(probe);
    return has;
}

/* Full queues and lack of memory pass when completions are taken; anything else does not. */
static void status_note(struct ring *ring, int status) {
    bool passes =
        status >= 0 || status == -EBUSY || status == -EAGAIN || status == -EINTR || status == -ETIME;
    if (unlikely(!passes) && ring->error == 0) {
        ring->error = status;
    }
}

struct io_uring_sqe *ring_sqe(struct ring *ring) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
    for (unsigned i = 0; unlikely(sqe == NULL) && i < SUBMIT_ATTEMPTS_MAX && ring->error == 0; i++) {
        status_note(ring, io_uring_submit(&ring->uring));
        sqe = io_uring_get_sqe(&ring->uring);
    }
    if (unlikely(sqe == NULL)) {
        status_note(ring, -EIO);
    }
    return sqe;
}

/* Acquire is not needed: the flag only says that an enter is worth while. */
static inline bool has_waiting_work(const struct ring *ring) {
    return (__atomic_load_n(ring->uring.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_TASKRUN) != 0;
}

static void ring_spin(struct ring *ring, uint64_t deadline_ns) {
    uint64_t begin_ns = clock_monotonic_ns();
    uint64_t now_ns = begin_ns;
    for (unsigned looks = 1; io_uring_cq_ready(&ring->uring) == 0 && now_ns < deadline_ns; looks++) {
        if (has_waiting_work(ring)) {
            /* Counted as work, not as idleness: entering is what brings the completions. */
            ring->idle_ns += clock_monotonic_ns() - begin_ns;
            status_note(ring, io_uring_get_events(&ring->uring));
            return;
        }
        if (looks % LOOKS_PER_CLOCK == 0) {
            now_ns = clock_monotonic_ns();
        }
        cpu_relax();
    }
    ring->idle_ns += clock_monotonic_ns() - begin_ns;
}

static void ring_sleep(struct ring *ring, uint64_t deadline_ns) {
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    struct __kernel_timespec timeout = {
        .tv_sec = (long long)(left_ns / CLOCK_NS_PER_S),
        .tv_nsec = (long long)(left_ns % CLOCK_NS_PER_S),
    };
    struct io_uring_cqe *cqe;
    status_note(ring, io_uring_submit_and_wait_timeout(&ring->uring, &cqe, 1, &timeout, NULL));
}

void ring_turn(struct ring *ring, uint64_t deadline_ns) {
    bool has_queued = io_uring_sq_ready(&ring->uring) > 0;
    if (io_uring_cq_ready(&ring->uring) > 0) {
        if (has_queued) {
            status_note(ring, io_uring_submit(&ring->uring));
        }
        return;
    }
    if (!ring->spin) {
        ring_sleep(ring, deadline_ns);
        return;
    }
    if (has_queued) {
        status_note(ring, io_uring_submit_and_get_events(&ring->uring));
    }
    if (io_uring_cq_ready(&ring->uring) == 0) {
        ring_spin(ring, deadline_ns);
    }
}
