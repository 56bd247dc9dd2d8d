/* SPDX-License-Identifier: MIT
 *
 * ring: set-up with as many flags as the kernel takes, and the enter call of the loop.
 */
#include "ring.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "riposte/clock.h"

/*
 * In the order in which they are dropped, newest first: a kernel that knows a flag knows those after it, too
 * (6.1, 6.0, 5.19, 5.18).
 */
static const unsigned setup_flags[] = {
    /*
     * Completion work runs when the loop asks for it: warm, in batches, never in the middle of a request.
     * Costs: completions appear only in an enter with GETEVENTS, and the flag needs SINGLE_ISSUER.
     */
    IORING_SETUP_DEFER_TASKRUN,
    /* Only this thread submits, so the kernel locks less. Not for rings made in one thread and used in
       another. */
    IORING_SETUP_SINGLE_ISSUER,
    /*
     * IORING_SQ_TASKRUN says that an enter would find work: what a spin looks at instead of entering blindly.
     */
    IORING_SETUP_TASKRUN_FLAG,
    /* Without DEFER_TASKRUN: no interrupt to run completion work, the next system call does. */
    IORING_SETUP_COOP_TASKRUN,
    /* One bad request does not hold up the rest of its batch. */
    IORING_SETUP_SUBMIT_ALL,
};

enum { SETUP_FLAGS_COUNT = sizeof(setup_flags) / sizeof(setup_flags[0]) };

unsigned ring_setup_flags_all(void) {
    unsigned flags = 0;
    for (int i = 0; i < SETUP_FLAGS_COUNT; i++) {
        flags |= setup_flags[i];
    }
    return flags;
}

/* The set without its newest flag; false when nothing is left to drop. */
static bool ring_drop_flag(unsigned *flags) {
    for (int i = 0; i < SETUP_FLAGS_COUNT; i++) {
        if ((*flags & setup_flags[i]) != 0) {
            *flags &= ~setup_flags[i];
            return true;
        }
    }
    return false;
}

static int ring_queue_init(struct ring *ring, unsigned entries, unsigned completion_entries, unsigned flags) {
    /*
     * CQSIZE: multishots post many completions for one submission, so the usual two per submission are too
     * few. CLAMP: sizes above the kernel's maximum are cut to it instead of being refused.
     */
    struct io_uring_params params = {
        .flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
        .cq_entries = completion_entries,
    };
    if (completion_entries < entries) {
        entries = completion_entries; /* the kernel wants at least as many completions as submissions */
    }
    return io_uring_queue_init_params(entries, &ring->io, &params);
}

/*
 * Entry i of the kernel's index array always names submission i: then publishing the tail is all that
 * submitting takes.
 */
static void ring_fill_array(struct ring *ring) {
    struct io_uring_sq *sq = &ring->io.sq;
    for (unsigned i = 0; sq->array != NULL && i < *sq->kring_entries; i++) {
        sq->array[i] = i;
    }
}

int ring_init(struct ring *ring, unsigned entries, unsigned completion_entries, unsigned *flags,
              bool no_iowait) {
    memset(ring, 0, sizeof(*ring));
    int result;
    do {
        result = ring_queue_init(ring, entries, completion_entries, *flags);
    } while (result == -EINVAL && ring_drop_flag(flags));
    if (result < 0) {
        return result;
    }
    ring_fill_array(ring);
    ring->enter_fd = ring->io.ring_fd;
    /*
     * NO_IOWAIT: a server that waits for clients is idle, not blocked on a disk; without it tools show 100 %
     * I/O wait.
     */
    ring->enter_flags =
        IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | (no_iowait ? IORING_ENTER_NO_IOWAIT : 0);
    if (io_uring_register_ring_fd(&ring->io) == 1) {
        /* The kernel finds the ring without a look-up in the descriptor table. */
        ring->enter_fd = ring->io.enter_ring_fd;
        ring->enter_flags |= IORING_ENTER_REGISTERED_RING;
    }
    return 0;
}

/* Operations of uring.c and send.c. */
static const uint8_t ring_operations[] = {
    IORING_OP_ACCEPT, IORING_OP_RECV,         IORING_OP_SEND,       IORING_OP_SENDMSG, IORING_OP_POLL_ADD,
    IORING_OP_CLOSE,  IORING_OP_ASYNC_CANCEL, IORING_OP_SENDMSG_ZC, /* the last one: see below */
};

/* Buffer rings come and go (buffers.c, send.c); the ring's own number is given up at the end. */
static const uint8_t ring_registrations[] = {
    IORING_REGISTER_PBUF_RING,
    IORING_UNREGISTER_PBUF_RING,
    IORING_UNREGISTER_RING_FDS,
};

/* liburing 2.3 declares these two registrations and does not export them. */
static int ring_register(struct ring *ring, unsigned what, const void *argument, unsigned count) {
    long result = syscall(SYS_io_uring_register, ring->io.ring_fd, what, argument, count);
    return result < 0 ? -errno : 0;
}

int ring_restrict(struct ring *ring, bool zero_copy) {
    struct io_uring_restriction list[sizeof(ring_operations) + sizeof(ring_registrations) + 1] = {0};
    unsigned count = 0;
    /* The list may have no operation that the kernel does not know. */
    for (size_t i = 0; i < sizeof(ring_operations) - !zero_copy; i++) {
        list[count].opcode = IORING_RESTRICTION_SQE_OP;
        list[count++].sqe_op = ring_operations[i];
    }
    for (size_t i = 0; i < sizeof(ring_registrations); i++) {
        list[count].opcode = IORING_RESTRICTION_REGISTER_OP;
        list[count++].register_op = ring_registrations[i];
    }
    list[count].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
    list[count++].sqe_flags = IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS;
    int result = ring_register(ring, IORING_REGISTER_RESTRICTIONS, list, count);
    return result < 0 ? result : ring_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

void ring_deinit(struct ring *ring) {
    io_uring_queue_exit(&ring->io);
}

/*
 * The library's own calls cannot pass NO_IOWAIT before 2.10, so the submission queue is published here; with
 * the identity array this is one store.
 */
static unsigned ring_publish(struct ring *ring) {
    struct io_uring_sq *sq = &ring->io.sq;
    sq->sqe_head = sq->sqe_tail;
    /* release: the kernel reads the entries after the tail that announces them. */
    __atomic_store_n(sq->ktail, sq->sqe_tail, __ATOMIC_RELEASE);
    /* acquire: entries before the head may be written again. */
    return sq->sqe_tail - __atomic_load_n(sq->khead, __ATOMIC_ACQUIRE);
}

int ring_enter(struct ring *ring, uint64_t timeout_ns) {
    unsigned submit_count = ring_publish(ring);
    struct __kernel_timespec timeout = {
        .tv_sec = (long long)(timeout_ns / CLOCK_NS_PER_S),
        .tv_nsec = (long long)(timeout_ns % CLOCK_NS_PER_S),
    };
    struct io_uring_getevents_arg argument = {
        .sigmask_sz = 0,
        .ts = timeout_ns == UINT64_MAX ? 0 : (__u64)(uintptr_t)&timeout,
    };
    unsigned wait_count = timeout_ns == 0 ? 0 : 1;
    int result = io_uring_enter2((unsigned)ring->enter_fd, submit_count, wait_count, ring->enter_flags,
                                 (sigset_t *)(void *)&argument, sizeof(argument));
    return result < 0 ? result : 0;
}
