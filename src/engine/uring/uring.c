/* SPDX-License-Identifier: MIT
 *
 * uring: arms accepts, receives, closes; waits; turns completions into calls of accept.h and serve.h. Sends
 * are in send.c, how a ring comes and goes in open.c.
 */
#include "uring.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "accept.h"
#include "engine_state.h"
#include "riposte/check.h"
#include "riposte/clock.h"
#include "riposte/log.h"
#include "serve.h"

enum {
    /* Completions handled in one turn: more would let the first request wait for too many others. */
    URING_REAP_MAX = 1024,
    URING_ERROR_PAUSE_MS = 1,
    /* A ring of which every enter has failed for so long is given up. */
    URING_FAILING_MS_MAX = 1000,
    /* Enters in a row without effect, each followed by a reap, before the CPU is left to others for a moment. */
    URING_REFUSED_MAX = 64,
};

static struct uring *uring_of(const struct worker *worker) {
    return worker->transport_state;
}

/* --- what the worker asks for --------------------------------------------------------------------------- */

static bool uring_arm_recv(struct worker *worker, struct uring *uring, struct conn *conn) {
    struct io_uring_sqe *sqe = ring_sqe(&uring->ring);
    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_recv(sqe, conn->fd, NULL, 0, 0);
    /* The kernel takes a buffer of the ring when bytes are there: idle connections own none. */
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = URING_RECV_GROUP;
    if (!uring->recv_single && !conn->is_unix && !conn->recv_heavy) {
        /*
         * Armed once for the connection's life. Not on Unix sockets: an end of input right after data is
         * sometimes never reported there (https://github.com/axboe/liburing/issues/1549). Nor where the client sends more than is
         * read: a multishot one goes on by itself until it has taken every buffer.
         */
        sqe->ioprio |= IORING_RECV_MULTISHOT;
    }
    io_uring_sqe_set_data64(sqe, tag_pack(OP_RECV, conn->generation, conn->index));
    conn->recv_armed = true;
    conn->in_flight++;
    counter_add(&worker->counters.recv_arms, 1);
    return true;
}

static bool uring_stop_recv(struct uring *uring, struct conn *conn) {
    struct io_uring_sqe *sqe = ring_sqe(&uring->ring);
    if (sqe == NULL) {
        return false;
    }
    /*
     * By user_data, since by descriptor it would hit the send, too. Should it miss
     * (https://github.com/axboe/liburing/issues/1375), it is asked for again when more bytes come.
     */
    io_uring_prep_cancel64(sqe, tag_pack(OP_RECV, conn->generation, conn->index), 0);
    io_uring_sqe_set_data64(sqe, tag_pack(OP_CANCEL, conn->generation, conn->index));
    conn->recv_stopping = true;
    conn->in_flight++;
    return true;
}

static bool uring_arm(struct worker *worker, struct conn *conn) {
    struct uring *uring = uring_of(worker);
    if ((conn->wanted & WANT_SEND) != 0) {
        if (!conn->send_armed && conn_has_output(conn) && !uring_send(worker, uring, conn)) {
            return false;
        }
        conn->wanted &= (uint8_t)~WANT_SEND;
    }
    if ((conn->wanted & WANT_RECV_STOP) != 0) {
        if (conn->recv_armed && !conn->recv_stopping && !uring_stop_recv(uring, conn)) {
            return false;
        }
        conn->wanted &= (uint8_t)~WANT_RECV_STOP;
    }
    if ((conn->wanted & WANT_RECV) != 0) {
        if (!conn->recv_armed && !conn->input_ended && !uring_arm_recv(worker, uring, conn)) {
            return false;
        }
        conn->wanted &= (uint8_t)~WANT_RECV;
    }
    return true;
}

static uint32_t listener_number(const struct worker *worker, const struct listener *listener) {
    return (uint32_t)(listener - worker->listeners);
}

static bool uring_arm_accept(struct worker *worker, struct listener *listener) {
    struct uring *uring = uring_of(worker);
    struct io_uring_sqe *sqe = ring_sqe(&uring->ring);
    if (sqe == NULL) {
        return false;
    }
    /* Accepting pauses where connections wait for a place: then no more than one may be on its way. */
    bool single = listener->single_shot || !worker->listens[listener->listen].limits->reject_when_full;
    if (single) {
        io_uring_prep_accept(sqe, listener->fd, NULL, NULL, SOCK_CLOEXEC);
    } else {
        /* Armed once for the listener's life; any completion may end it. */
        io_uring_prep_multishot_accept(sqe, listener->fd, NULL, NULL, SOCK_CLOEXEC);
    }
    listener->generation++;
    io_uring_sqe_set_data64(sqe,
                            tag_pack(OP_ACCEPT, listener->generation, listener_number(worker, listener)));
    listener->armed = true;
    counter_add(&worker->counters.accept_arms, 1);
    return true;
}

static void uring_stop_accept(struct worker *worker, struct listener *listener) {
    struct uring *uring = uring_of(worker);
    struct io_uring_sqe *sqe = ring_sqe(&uring->ring);
    if (sqe == NULL) {
        return; /* connections it still brings are treated as any other */
    }
    io_uring_prep_cancel64(sqe, tag_pack(OP_ACCEPT, listener->generation, listener_number(worker, listener)),
                           0);
    io_uring_sqe_set_data64(sqe, tag_pack(OP_CLOSE, 0, 0));
}

/* Cancels a request of the connection, whose own completion says what became of it. False: no room now. */
static bool uring_cancel(struct uring *uring, const struct conn *conn, enum op op) {
    struct io_uring_sqe *sqe = ring_sqe(&uring->ring);
    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_cancel64(sqe, tag_pack(op, conn->generation, conn->index), 0);
    /* Success says nothing new; a failure (it is completing, or has completed) is posted and ignored. Linux 5.17. */
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(sqe, tag_pack(OP_CLOSE, 0, 0));
    return true;
}

static bool uring_let_go(struct worker *worker, struct conn *conn) {
    struct uring *uring = uring_of(worker);
    return (!conn->recv_armed || uring_cancel(uring, conn, OP_RECV)) &&
           (!conn->send_armed || uring_cancel(uring, conn, OP_SEND));
}

static void uring_close_fd(struct worker *worker, int fd) {
    struct io_uring_sqe *sqe = ring_sqe(&uring_of(worker)->ring);
    if (sqe == NULL) {
        close(fd);
        return;
    }
    /* Travels with the turn's other requests: no system call of its own. */
    io_uring_prep_close(sqe, fd);
    /* Success says nothing new; an error (EIO) is posted and ignored like that of close(2). Linux 5.17. */
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(sqe, tag_pack(OP_CLOSE, 0, 0));
}

static void uring_arm_wake(struct worker *worker, struct uring *uring) {
    struct io_uring_sqe *sqe = ring_sqe(&uring->ring);
    if (sqe == NULL) {
        return;
    }
    io_uring_prep_poll_add(sqe, worker->wake_fd, POLLIN);
    io_uring_sqe_set_data64(sqe, tag_pack(OP_WAKE, 0, 0));
    uring->wake_armed = true;
}

/* --- waiting -------------------------------------------------------------------------------------------- */

static bool uring_ready(struct worker *worker) {
    const struct ring *ring = &uring_of(worker)->ring;
    return ring_has_completion(ring) || ring_wants_enter(ring);
}

static void uring_count_overflow(struct worker *worker, struct uring *uring) {
    bool overflowed = ring_overflowed(&uring->ring);
    if (overflowed && !uring->overflow_seen) {
        counter_add(&worker->counters.completion_overflows, 1);
    }
    uring->overflow_seen = overflowed;
}

/*
 * What a kernel should not answer a ring that has worked (EBADF, EFAULT, EINVAL, EPERM, ...): a sandbox that was put on
 * later, a fault of the kernel or of ours. What was queued stays queued; the loop goes on, at a pace that leaves the CPU to
 * others, and hears of a stop although nothing completes. After a second without a success the ring is given up.
 */
static void uring_on_enter_error(struct worker *worker, struct uring *uring, int result) {
    static const struct timespec pause = {.tv_nsec = URING_ERROR_PAUSE_MS * CLOCK_NS_PER_MS};
    counter_add(&worker->counters.ring_errors, 1);
    uint64_t now_ns = clock_monotonic_ns();
    if (uring->error_reported_ns == 0 || now_ns - uring->error_reported_ns >= CLOCK_NS_PER_S) {
        uring->error_reported_ns = now_ns;
        log_line(LOG_LEVEL_ERROR, "worker %u: io_uring_enter: %s; tried again (ring_errors %llu)",
                 worker->index, strerror(-result),
                 (unsigned long long)counter_read(&worker->counters.ring_errors));
    }
    if (uring->failing_since_ns == 0) {
        uring->failing_since_ns = now_ns;
    }
    worker->transport_failed = now_ns - uring->failing_since_ns >= URING_FAILING_MS_MAX * CLOCK_NS_PER_MS;
    worker->woken = true;
    nanosleep(&pause, NULL); /* a signal only makes it shorter */
}

/* No memory for a request just now: it stays queued. Or completions wait to be reaped first. */
static void uring_on_refused(struct uring *uring) {
    static const struct timespec pause = {.tv_nsec = URING_ERROR_PAUSE_MS * CLOCK_NS_PER_MS};
    if (++uring->refused_in_row >= URING_REFUSED_MAX) {
        nanosleep(&pause, NULL);
    }
}

static void uring_wait(struct worker *worker, uint64_t timeout_ns) {
    struct uring *uring = uring_of(worker);
    if (unlikely(!uring->wake_armed)) {
        uring_arm_wake(worker, uring);
        timeout_ns = uring->wake_armed ? timeout_ns : 0; /* no sleep that nobody can end */
    }
    bool pointless = timeout_ns == 0 || ring_has_completion(&uring->ring);
    if (pointless && ring_unsubmitted(&uring->ring) == 0 && !ring_wants_enter(&uring->ring)) {
        return;
    }
    uring_count_overflow(worker, uring);
    counter_add(&worker->counters.enters, 1);
    int result = ring_enter(&uring->ring, timeout_ns);
    uring->scratch->used_count = ring_unsubmitted(&uring->ring) == 0 ? 0 : uring->scratch->used_count;
    switch (-result) {
    case 0:
    case ETIME:
    case EINTR:
        uring->failing_since_ns = 0;
        uring->refused_in_row = 0;
        return;
    case EAGAIN:
    case EBUSY:
        uring->failing_since_ns = 0;
        uring_on_refused(uring);
        return;
    case EBADR: /* completions were lost for want of memory: the connections they belonged to stay until the
                   process ends */
        if (!uring->lost_reported) {
            uring->lost_reported = true;
            log_line(LOG_LEVEL_ERROR, "the kernel ran out of memory and lost io_uring completions");
        }
        return;
    default:
        uring_on_enter_error(worker, uring, result);
        return;
    }
}

/* --- completions ---------------------------------------------------------------------------------------- */

static void uring_recv_over(struct worker *worker, struct uring *uring, struct conn *conn, int result) {
    conn->recv_armed = false;
    conn->in_flight--;
    switch (-result) {
    case 0:
        serve_on_recv_end(worker, conn, 0);
        return;
    case ENOBUFS: /* every buffer was in use: armed again now that this turn's are about to go back */
        counter_add(&worker->counters.recv_buffers_empty, 1);
        serve_on_recv_idle(worker, conn);
        return;
    case ECANCELED:
    case EINTR:
    case EAGAIN:
        serve_on_recv_idle(worker, conn);
        return;
    case EINVAL:
        if (!uring->recv_single) {
            uring->recv_single = true; /* a kernel without multishot receive */
            serve_on_recv_idle(worker, conn);
            return;
        }
        serve_on_recv_end(worker, conn, result);
        return;
    default: /* ECONNRESET, ETIMEDOUT, EPIPE, EHOSTUNREACH, ...: this connection's end */
        serve_on_recv_end(worker, conn, result < 0 ? result : -EIO);
        return;
    }
}

static void uring_on_recv(struct worker *worker, struct uring *uring, struct conn *conn,
                          const struct io_uring_cqe *cqe) {
    bool more = (cqe->flags & IORING_CQE_F_MORE) != 0;
    if (cqe->res > 0) {
        struct bytes bytes = bytes_of(buffers_take(&uring->buffers, cqe), (size_t)cqe->res);
        if (!more) {
            conn->recv_armed = false;
            conn->in_flight--;
        }
        serve_on_recv(worker, conn, bytes);
        if (!more) {
            serve_on_recv_idle(worker, conn);
        }
        return;
    }
    /*
     * A result of 0 or below neither moves an offset nor gives a buffer back, whatever its flags say
     * (https://github.com/axboe/liburing/issues/1545).
     */
    if (!more) {
        uring_recv_over(worker, uring, conn, cqe->res);
    }
}

static void uring_on_accept(struct worker *worker, const struct io_uring_cqe *cqe) {
    struct listener *listener = &worker->listeners[tag_index(cqe->user_data)];
    /* A request that was cancelled may still bring connections after a new one was armed. */
    bool current = tag_generation(cqe->user_data) == (listener->generation & TAG_GENERATION_MASK);
    bool over = (cqe->flags & IORING_CQE_F_MORE) == 0;
    if (over && current) {
        listener->armed = false;
    }
    if (cqe->res >= 0) {
        accept_on_connection(worker, listener, cqe->res);
    } else if (current) {
        accept_on_error(worker, listener, cqe->res);
    }
}

static void uring_on_wake(struct worker *worker, struct uring *uring) {
    uint64_t count;
    ssize_t size = read(worker->wake_fd, &count, sizeof(count));
    (void)size; /* EAGAIN: somebody's write is on its way */
    uring->wake_armed = false;
    worker->woken = true;
}

/*
 * Some kernels complete a receive again after its last completion
 * (https://github.com/axboe/liburing/issues/1246).
 */
static bool uring_expects(const struct conn *conn, enum op op) {
    return op == OP_RECV ? conn->recv_armed : op == OP_SEND ? conn->send_armed : conn->recv_stopping;
}

/* A completion whose connection, or request, is gone: its buffer is accounted for, and what it was lent is free. */
static void uring_on_stray(struct worker *worker, struct uring *uring, const struct io_uring_cqe *cqe) {
    bool is_lent = tag_op(cqe->user_data) == OP_SEND && lent_return(&worker->lent, cqe->user_data);
    counter_add(&worker->counters.completions_stray, !is_lent);
    if (tag_op(cqe->user_data) == OP_RECV && cqe->res > 0) {
        buffers_take(&uring->buffers, cqe);
    }
}

static void uring_on_completion(struct worker *worker, struct uring *uring, const struct io_uring_cqe *cqe) {
    enum op op = tag_op(cqe->user_data);
    if (op == OP_ACCEPT) {
        uring_on_accept(worker, cqe);
        return;
    }
    if (op == OP_CLOSE) {
        return;
    }
    if (op == OP_WAKE) {
        uring_on_wake(worker, uring);
        return;
    }
    struct conn *conn = conn_find(&worker->conns, cqe->user_data);
    if (unlikely(conn == NULL || !uring_expects(conn, op))) {
        uring_on_stray(worker, uring, cqe);
        return;
    }
    if (op == OP_RECV) {
        uring_on_recv(worker, uring, conn, cqe);
    } else if (op == OP_SEND) {
        uring_on_send(worker, uring, conn, cqe);
    } else {
        assert(op == OP_CANCEL);
        conn->recv_stopping = false;
        conn->in_flight--;
    }
    if (conn->state == CONN_CLOSING) {
        worker_queue_arm(worker, conn);
    }
}

static void uring_reap(struct worker *worker) {
    struct uring *uring = uring_of(worker);
    struct io_uring *io = &uring->ring.io;
    unsigned count = 0;
    unsigned head;
    struct io_uring_cqe *cqe;
    io_uring_for_each_cqe(io, head, cqe) {
        if (count == URING_REAP_MAX) {
            break;
        }
        uring_on_completion(worker, uring, cqe);
        count++;
    }
    io_uring_cq_advance(io, count);
    counter_add(&worker->counters.completions, count);
}

static void uring_return_buffers(struct worker *worker) {
    buffers_return(&uring_of(worker)->buffers);
}

const struct transport transport_uring = {
    .name = "io_uring",
    .open = uring_open,
    .close = uring_close,
    .abandon = uring_abandon,
    .arm = uring_arm,
    .arm_accept = uring_arm_accept,
    .stop_accept = uring_stop_accept,
    .let_go = uring_let_go,
    .lent_size = uring_lent_size,
    .close_fd = uring_close_fd,
    .ready = uring_ready,
    .wait = uring_wait,
    .reap = uring_reap,
    .return_buffers = uring_return_buffers,
};
