/* SPDX-License-Identifier: MIT
 *
 * send: ways to hand one connection's output to the kernel, never two sends of a connection at a time
 * (their order is not guaranteed).
 *
 *      plain       one piece                          send
 *      gathered    several pieces                     sendmsg over an iovec
 *      bundle      several pieces, --send=bundle      a send that drains a ring of provided buffers (6.10)
 *      zero copy   --send=zc, from a size on          SEND_ZC, SENDMSG_ZC: done when the notification says that memory is free
 *      file        bytes of a file among them         sent by this thread (send_file.h)
 *      wait        the socket is full                 POLL_ADD: for a file, and where the ring would not wait with a send
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>

#include "engine_state.h"
#include "riposte/check.h"
#include "send_file.h"
#include "serve.h"
#include "uring.h"

enum { GROUP_RING_SIZE = URING_SEND_PIECES_MAX * sizeof(struct io_uring_buf) };

/*
 * --- bundle ---
 *
 * What io_uring has for a multishot send: one request that drains a ring of provided buffers (Linux
 * 6.10). A ring serves one connection at a time, since a bundle sends whatever its ring holds, so there is a
 * pool of URING_SEND_GROUPS.
 */

static uint16_t bundle_group_number(uint16_t group) {
    return (uint16_t)(URING_RECV_GROUP + 1 + group);
}

static int bundle_register(struct uring *uring, uint16_t group) {
    struct send_group *send_group = &uring->groups[group];
    /* mmap: a ring of buffers begins on a page (io_uring_register(2)). */
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

/* A free group with an empty ring; URING_SEND_GROUPS when there is none, or the kernel refuses. */
static uint16_t bundle_take(struct uring *uring) {
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

/* `clean`: the kernel has consumed everything in it. Otherwise the ring is made anew at its next use. */
static void bundle_return(struct uring *uring, uint16_t group, bool clean) {
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

/* Fills the group with the pieces (1 to URING_SEND_PIECES_MAX) and prepares the send of all of them. */
static void bundle_prepare(struct uring *uring, struct io_uring_sqe *sqe, int fd, uint16_t group,
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

void uring_send_deinit(struct uring *uring) {
    for (uint16_t group = 0; group < URING_SEND_GROUPS; group++) {
        bundle_unregister(uring, group);
    }
}

/* --- out ------------------------------------------------------------------------------------------------ */

static enum send_way send_choose(const struct worker *worker, struct uring *uring, const struct conn *conn,
                                 unsigned count, uint16_t *group) {
    uint32_t zero_copy_size_min = worker->engine->config.send_zero_copy_size_min;
    bool zero_copy = uring->zero_copy && !conn->is_unix && !conn->send_copies;
    if (unlikely(zero_copy && conn->sending_size >= zero_copy_size_min)) {
        return SEND_WAY_ZERO_COPY;
    }
    if (count == 1) {
        return SEND_WAY_PLAIN;
    }
    if (uring->bundle && conn->sending_size <= URING_BUNDLE_SIZE_MAX) {
        *group = bundle_take(uring);
        if (*group != URING_SEND_GROUPS) {
            return SEND_WAY_BUNDLE;
        }
    }
    return SEND_WAY_GATHERED;
}

static struct msghdr *send_message_fill(struct send_message *message, unsigned count) {
    message->header = (struct msghdr){.msg_iov = message->pieces, .msg_iovlen = count};
    return &message->header;
}

/* Of `message` the first `count` pieces are filled. */
static void send_prepare(struct worker *worker, struct uring *uring, struct conn *conn,
                         struct io_uring_sqe *sqe, struct send_message *message, unsigned count) {
    uint16_t group = URING_SEND_GROUPS;
    struct iovec *pieces = message->pieces;
    conn->uring.send_way = (uint8_t)send_choose(worker, uring, conn, count, &group);
    conn->send_copies = false;
    switch ((enum send_way)conn->uring.send_way) { /* NOSIGNAL: a client that is gone is EPIPE */
    case SEND_WAY_PLAIN:
        io_uring_prep_send(sqe, conn->fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL);
        counter_add(&worker->counters.sends_plain, 1);
        return;
    case SEND_WAY_GATHERED:
        io_uring_prep_sendmsg(sqe, conn->fd, send_message_fill(message, count), MSG_NOSIGNAL);
        counter_add(&worker->counters.sends_gathered, 1);
        return;
    case SEND_WAY_BUNDLE:
        conn->uring.send_group = group;
        bundle_prepare(uring, sqe, conn->fd, group, pieces, count);
        counter_add(&worker->counters.sends_bundle, 1);
        return;
    case SEND_WAY_WAIT: /* never chosen here */
        break;
    case SEND_WAY_ZERO_COPY:
        io_uring_prep_sendmsg_zc(sqe, conn->fd, send_message_fill(message, count), MSG_NOSIGNAL);
        /* REPORT_USAGE: the notification says whether memory was really sent from (never on loopback). */
        sqe->ioprio |= uring->zero_copy_report ? IORING_SEND_ZC_REPORT_USAGE : 0;
        counter_add(&worker->counters.sends_zero_copy, 1);
        return;
    }
}

/*
 * Sockets of the ring block; sendfile(2) takes no flag that says otherwise, so that the first file makes it
 * O_NONBLOCK. Requests of the ring go on as before: they wait by polling, whatever a socket's flags are.
 */
static void send_stop_blocking(struct conn *conn) {
    if (!conn->uring.nonblocking) {
        int failed = fcntl(conn->fd, F_SETFL, O_RDWR | O_NONBLOCK);
        assert(failed == 0); /* it is a socket of ours */
        (void)failed;
        conn->uring.nonblocking = true;
    }
}

/* Until the socket has room. False when the queue has none for that. */
static bool send_wait(struct uring *uring, struct conn *conn) {
    struct io_uring_sqe *sqe = ring_sqe(&uring->ring);
    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_poll_add(sqe, conn->fd, POLLOUT);
    io_uring_sqe_set_data64(sqe, tag_pack(OP_SEND, conn->generation, conn->index));
    conn->uring.send_way = SEND_WAY_WAIT;
    conn->uring.full = false; /* for the attempt that follows */
    conn->send_armed = true;
    conn->in_flight++;
    return true;
}

/* False when there is no room to wait for the socket. */
static bool send_with_file(struct worker *worker, struct uring *uring, struct conn *conn) {
    send_stop_blocking(conn);
    return send_file(worker, conn) != SEND_FILE_FULL || send_wait(uring, conn);
}

bool uring_send(struct worker *worker, struct uring *uring, struct conn *conn) {
    if (unlikely(conn->uring.full)) {
        return send_wait(uring, conn);
    }
    if (unlikely(conn_output_has_file(conn))) {
        return send_with_file(worker, uring, conn);
    }
    struct send_scratch *scratch = uring->scratch;
    if (scratch->used_count == scratch->count) {
        return false;
    }
    struct io_uring_sqe *sqe = ring_sqe(&uring->ring);
    if (sqe == NULL) {
        return false;
    }
    struct send_message *message = &scratch->messages[scratch->used_count];
    unsigned count = conn_output_iov(conn, message->pieces, URING_SEND_PIECES_MAX, &conn->sending_size);
    assert(count > 0);
    conn->sending_result = 0;
    send_prepare(worker, uring, conn, sqe, message, count);
    /* A plain send has copied what it needs into the submission entry. */
    scratch->used_count += conn->uring.send_way != SEND_WAY_PLAIN;
    io_uring_sqe_set_data64(sqe, tag_pack(OP_SEND, conn->generation, conn->index));
    conn->send_armed = true;
    conn->in_flight++;
    return true;
}

/* --- back ----------------------------------------------------------------------------------------------- */

/* A way that this kernel turns out to refuse is not tried again; the output goes out another way. */
static bool send_refused(struct uring *uring, struct conn *conn, int result) {
    if (conn->uring.send_way == SEND_WAY_ZERO_COPY && (result == -ENOMEM || result == -ENOBUFS)) {
        conn->send_copies = true; /* more in flight than RLIMIT_MEMLOCK lets this user lock: only this time */
        return true;
    }
    if (result != -EINVAL && result != -EOPNOTSUPP) {
        return false;
    }
    switch ((enum send_way)conn->uring.send_way) {
    case SEND_WAY_PLAIN:
    case SEND_WAY_GATHERED:
    case SEND_WAY_WAIT:
        return false;
    case SEND_WAY_BUNDLE:
        uring->bundle = false;
        return true;
    case SEND_WAY_ZERO_COPY:
        /*
         * 6.1 knows the operation but not the report. EOPNOTSUPP: a kind of socket without zero copy (Unix
         * ones are not tried).
         */
        uring->zero_copy = uring->zero_copy_report && result == -EINVAL;
        uring->zero_copy_report = false;
        return true;
    }
    return false;
}

/* Before the kernel had taken a byte: otherwise it says how many it took (io_uring_prep_cancel(3)). EINTR: on a thread of the ring. */
static bool send_was_cancelled(int result) {
    return result == -ECANCELED || result == -EINTR;
}

/*
 * The ring polls for a send at most 128 times; then a thread of it sends, which waits, or says EAGAIN where the socket is O_NONBLOCK
 * (https://github.com/axboe/liburing/pull/1601). Where the client sends no more, that is so at once.
 */
static bool send_found_full(struct conn *conn) {
    conn->uring.full = conn->sending_result == -EAGAIN;
    return conn->uring.full;
}

static void send_done(struct worker *worker, struct uring *uring, struct conn *conn) {
    conn->send_armed = false;
    conn->in_flight--;
    if (conn->uring.send_way == SEND_WAY_BUNDLE) {
        bundle_return(uring, conn->uring.send_group, (uint32_t)conn->sending_result == conn->sending_size);
    }
    if (conn->sending_result < 0 && (send_was_cancelled(conn->sending_result) || send_found_full(conn) ||
                                     send_refused(uring, conn, conn->sending_result))) {
        conn->sending_result = 0;
    }
    serve_on_sent(worker, conn, conn->sending_result);
}

uint32_t uring_lent_size(const struct conn *conn) {
    bool is_notified_later =
        conn->send_armed && conn->uring.send_way == SEND_WAY_ZERO_COPY && conn->sending_result > 0;
    return is_notified_later && conn->in_flight == 1 ? (uint32_t)conn->sending_result : 0;
}

void uring_on_send(struct worker *worker, struct uring *uring, struct conn *conn,
                   const struct io_uring_cqe *cqe) {
    if (conn->uring.send_way == SEND_WAY_WAIT) {
        /* Writable, or at its end, which the next attempt says. */
        conn->send_armed = false;
        conn->in_flight--;
        worker_queue_arm(worker, conn);
        return;
    }
    if ((cqe->flags & IORING_CQE_F_NOTIF) != 0) {
        bool copied = uring->zero_copy_report && (cqe->res & (int)IORING_NOTIF_USAGE_ZC_COPIED) != 0;
        counter_add(&worker->counters.sends_zero_copy_copied, copied);
    } else if (cqe->res >= 0) {
        conn->sending_result += cqe->res;
    } else if (conn->sending_result == 0) {
        conn->sending_result = cqe->res; /* an error after some bytes shows again with the next send */
    }
    if ((cqe->flags & IORING_CQE_F_MORE) == 0) {
        send_done(worker, uring, conn);
    }
}
