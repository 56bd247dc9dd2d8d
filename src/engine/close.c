/* SPDX-License-Identifier: MIT
 *
 * close: what becomes of a connection after each turn, and how it ends. The states are drawn in conn.h.
 *
 * close() while the kernel holds a request of the socket sends no FIN
 * (https://github.com/axboe/liburing/issues/1048): the socket is shut down first, which completes every
 * request, and closed when in_flight is 0.
 */
#include <assert.h>
#include <sys/socket.h>

#include "engine_state.h"
#include "riposte/check.h"

enum { IDLE_LOOK_MS = 250 };

static void close_count(struct worker *worker, enum close_reason reason) {
    struct engine_counters *counters = &worker->counters;
    switch (reason) {
    case CLOSE_BY_CLIENT:
        counter_add(&counters->closed_by_client, 1);
        return;
    case CLOSE_BY_PROTOCOL:
        counter_add(&counters->closed_by_protocol, 1);
        return;
    case CLOSE_ERROR:
        counter_add(&counters->closed_error, 1);
        return;
    case CLOSE_IDLE:
        counter_add(&counters->closed_idle, 1);
        return;
    case CLOSE_SLOW_READER:
        counter_add(&counters->closed_slow_reader, 1);
        return;
    case CLOSE_INPUT_TOO_LARGE:
        counter_add(&counters->closed_input_too_large, 1);
        return;
    case CLOSE_NO_MEMORY:
        counter_add(&counters->closed_no_memory, 1);
        return;
    case CLOSE_SHUTDOWN:
        counter_add(&counters->closed_shutdown, 1);
        return;
    }
}

/*
 * The client will not take what is unsent: the kernel drops it too, with a reset, instead of keeping it for a
 * quarter of an hour.
 */
static void close_abort_output(struct conn *conn) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    int failed = setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    (void)failed; /* Unix sockets ignore it; nothing depends on it */
    if (conn->in_flight > 0 && !conn->is_unix) {
        /* AF_UNSPEC disconnects at once (connect(2)): memory that a zero-copy send pins is released, too. */
        struct sockaddr none = {.sa_family = AF_UNSPEC};
        failed = connect(conn->fd, &none, sizeof(none));
        (void)failed;
    }
}

void conn_begin_close(struct worker *worker, struct conn *conn, enum close_reason reason) {
    if (conn->state == CONN_CLOSING || conn->state == CONN_FREE) {
        return;
    }
    if (conn->state == CONN_OPEN || reason == CLOSE_SLOW_READER) {
        conn->reason = (uint8_t)reason;
    }
    conn->state = CONN_CLOSING;
    conn->wanted = 0;
    conn->throttled = 0;
    timeouts_remove(&worker->timeouts, &worker->conns, conn);
    input_discard(&conn->input);
    /*
     * A send in flight: a zero-copy one ends when the client has taken its bytes, which a shutdown does not
     * change.
     */
    if (reason == CLOSE_SLOW_READER || conn->send_armed) {
        close_abort_output(conn);
    }
    if (conn->in_flight > 0) {
        shutdown(conn->fd, SHUT_RDWR);
    }
    worker_queue_arm(worker, conn);
}

void conn_begin_flush(struct worker *worker, struct conn *conn, enum close_reason reason) {
    if (conn->state != CONN_OPEN) {
        return;
    }
    conn->state = CONN_FLUSHING;
    conn->reason = (uint8_t)reason;
    conn->next = PROTOCOL_NEXT_INPUT;
    if (conn->throttled != 0) {
        conn->throttled = 0;
        conn->wanted &= (uint8_t)~WANT_RECV_STOP;
        conn->wanted |= conn->recv_armed || conn->input_ended ? 0 : WANT_RECV;
    }
    input_discard(&conn->input);
    worker_queue_arm(worker, conn);
}

/* What the protocol is told. */
static enum protocol_close close_told(enum close_reason reason) {
    switch (reason) {
    case CLOSE_BY_CLIENT:
    case CLOSE_BY_PROTOCOL:
        return PROTOCOL_CLOSE_NORMAL;
    case CLOSE_IDLE:
        return PROTOCOL_CLOSE_IDLE_TIMEOUT;
    case CLOSE_SHUTDOWN:
        return PROTOCOL_CLOSE_SHUTDOWN;
    case CLOSE_ERROR:
    case CLOSE_SLOW_READER:
    case CLOSE_INPUT_TOO_LARGE:
    case CLOSE_NO_MEMORY:
        break;
    }
    return PROTOCOL_CLOSE_ERROR;
}

/* in_flight is 0: the slot goes back. */
static void conn_finish(struct worker *worker, struct conn *conn) {
    reply_discard(&conn->reply);
    if (conn->counted) {
        const struct protocol *protocol = worker_protocol(worker, conn);
        if (protocol->on_close != NULL) {
            protocol->on_close(conn->session, conn->fd, close_told(conn->reason),
                               worker->contexts[conn->listen]);
        }
        close_count(worker, conn->reason);
        counter_add(&worker->counters.connections_current, UINT64_MAX); /* one less, modulo 2^64 */
        /* relaxed: see accept_take_place. */
        atomic_fetch_sub_explicit(&worker->engine->connections, 1, memory_order_relaxed);
    }
    worker->transport->close_fd(worker, conn->fd);
    conn_release(&worker->conns, conn);
    worker_accept_resume(worker);
}

/* The last reply has left: no more from us, and a while for the client to do the same. */
static void conn_begin_linger(struct worker *worker, struct conn *conn) {
    if (conn->input_ended) {
        conn_begin_close(worker, conn, conn->reason);
        return;
    }
    conn->state = CONN_LINGERING;
    shutdown(conn->fd, SHUT_WR);
    timeouts_remove(&worker->timeouts, &worker->conns, conn);
    timeouts_add(&worker->timeouts, &worker->conns, conn, TIMEOUT_LINGER,
                 worker->now_ms + worker->engine->config.linger_timeout_ms);
}

/* Everything the client asked for before its end has been answered and sent. */
static bool conn_is_done(const struct conn *conn) {
    return conn->input_ended && !conn_reply_pending(conn) && !conn->in_run && !conn_output_throttled(conn);
}

/* What the connection's state asks for after this turn, when no output waits. */
static void conn_advance(struct worker *worker, struct conn *conn) {
    switch ((enum conn_state)conn->state) {
    case CONN_FREE:
    case CONN_CLOSING:
        return;
    case CONN_OPEN:
        if (conn_is_done(conn)) {
            conn_begin_close(worker, conn, CLOSE_BY_CLIENT);
        }
        return;
    case CONN_FLUSHING:
        conn_begin_linger(worker, conn);
        return;
    case CONN_LINGERING:
        if (conn->input_ended) {
            conn_begin_close(worker, conn, conn->reason);
        }
        return;
    }
}

/*
 * A connection that waits for its client to take output is looked after by the write time-out instead of the
 * idle one.
 */
static void conn_watch_output(struct worker *worker, struct conn *conn) {
    if (conn->timeout == TIMEOUT_WRITE) {
        return;
    }
    timeouts_remove(&worker->timeouts, &worker->conns, conn);
    timeouts_add(&worker->timeouts, &worker->conns, conn, TIMEOUT_WRITE,
                 worker->now_ms + worker->engine->config.write_timeout_ms);
}

/* A connection with nothing to send: when somebody looks at it again although nothing has come. */
static void conn_watch_quiet(struct worker *worker, struct conn *conn) {
    bool later = conn->next == PROTOCOL_NEXT_LATER || conn->next == PROTOCOL_NEXT_EVENT;
    if (unlikely(later) && conn->state == CONN_OPEN && conn->timeout != TIMEOUT_LATER) {
        timeouts_remove(&worker->timeouts, &worker->conns, conn);
        timeouts_add(&worker->timeouts, &worker->conns, conn, TIMEOUT_LATER,
                     worker->now_ms + PROTOCOL_LATER_MS);
    }
    if (unlikely(worker->engine->config.idle_timeout_s > 0) && conn->timeout == TIMEOUT_NONE &&
        conn->counted && !conn->is_unix && conn->state == CONN_OPEN) {
        timeouts_add(&worker->timeouts, &worker->conns, conn, TIMEOUT_IDLE, worker->now_ms + IDLE_LOOK_MS);
    }
}

/*
 * Decides what a connection needs next, then asks the transport for it. False: no room, the connection stays
 * in the queue.
 */
static bool conn_arm(struct worker *worker, struct conn *conn) {
    if (conn->state == CONN_FREE) {
        return true;
    }
    if (unlikely(conn->recv_last)) {
        /*
         * Receives take buffers in the order in which they are armed: one client that sends a lot would take
         * all, turn after turn.
         */
        conn->recv_last = false;
        worker_queue_arm(worker, conn);
        return true;
    }
    if (conn->reply.unsent_size == 0 && !conn->send_armed) {
        conn_advance(worker, conn);
        conn_watch_quiet(worker, conn);
    }
    if (conn->state == CONN_CLOSING) {
        if (conn->in_flight == 0) {
            conn_finish(worker, conn);
        }
        return true;
    }
    if (conn->reply.unsent_size > 0 && !conn->send_armed) {
        conn->wanted |= WANT_SEND;
        conn_watch_output(worker, conn);
    }
    return conn->wanted == 0 || worker->transport->arm(worker, conn);
}

void worker_arm_all(struct worker *worker) {
    for (unsigned i = 0; i < worker->engine->config.listens_count; i++) {
        struct listener *listener = &worker->listeners[i];
        if (unlikely(listener->wanted && !listener->armed) &&
            worker->transport->arm_accept(worker, listener)) {
            listener->wanted = false;
        }
    }
    struct conn *conn;
    while ((conn = conn_arm_pop(&worker->conns, &worker->arm)) != NULL) {
        if (!conn_arm(worker, conn)) {
            worker_queue_arm(worker, conn);
            return;
        }
    }
}

/* An idle look comes every IDLE_LOOK_MS, so that a request costs no list operation. */
static void check_idle(struct worker *worker) {
    uint32_t idle_timeout_ms = worker->engine->config.idle_timeout_s * 1000;
    struct conn *conn;
    while ((conn = timeouts_due(&worker->timeouts, &worker->conns, TIMEOUT_IDLE, worker->now_ms)) != NULL) {
        timeouts_remove(&worker->timeouts, &worker->conns, conn);
        if (timeout_passed(worker->now_ms, conn->active_ms + idle_timeout_ms)) {
            conn_begin_close(worker, conn, CLOSE_IDLE);
        } else {
            timeouts_add(&worker->timeouts, &worker->conns, conn, TIMEOUT_IDLE,
                         worker->now_ms + IDLE_LOOK_MS);
        }
    }
}

/* Called again as it asked for. */
static void check_later(struct worker *worker) {
    struct conn *conn;
    while ((conn = timeouts_due(&worker->timeouts, &worker->conns, TIMEOUT_LATER, worker->now_ms)) != NULL) {
        timeouts_remove(&worker->timeouts, &worker->conns, conn);
        if (conn->next == PROTOCOL_NEXT_LATER || conn->next == PROTOCOL_NEXT_EVENT) {
            conn->next = PROTOCOL_NEXT_AGAIN;
            worker_queue_run(worker, conn);
        }
    }
}

void worker_check_timeouts(struct worker *worker) {
    struct conn *conn;
    check_later(worker);
    while ((conn = timeouts_due(&worker->timeouts, &worker->conns, TIMEOUT_WRITE, worker->now_ms)) != NULL) {
        conn_begin_close(worker, conn, CLOSE_SLOW_READER);
    }
    while ((conn = timeouts_due(&worker->timeouts, &worker->conns, TIMEOUT_LINGER, worker->now_ms)) != NULL) {
        conn_begin_close(worker, conn, conn->reason);
    }
    check_idle(worker);
}
