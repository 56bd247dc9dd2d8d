/* SPDX-License-Identifier: MIT
 *
 * close: how a connection ends. The states are drawn in conn.h. Closing only sets the state; the end of the
 * turn (arm.c) acts on it, when the kernel has given up its last request.
 *
 * close() while the kernel holds a request of the socket sends no FIN
 * (https://github.com/axboe/liburing/issues/1048): the socket is shut down first, which completes every
 * request, and closed when in_flight is 0.
 */
#include "close.h"

#include <sys/socket.h>

#include "conn_log.h"
#include "engine_state.h"
#include "filter.h"
#include "opening.h"

static void close_count(struct worker *worker, enum close_reason reason) {
    struct engine_counters *counters = &worker->counters;
    switch (reason) {
    case CLOSE_BY_CLIENT:
        counter_add(&counters->closed_by_client, 1);
        return;
    case CLOSE_BY_PROTOCOL:
    case CLOSE_PROTOCOL_ERROR:
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
    case CLOSE_CONN_MEMORY:
        counter_add(&counters->closed_conn_memory, 1);
        return;
    case CLOSE_OPENING:
        counter_add(&counters->closed_opening, 1);
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
        failed = connect(conn->fd, &none,
                         sizeof(none.sa_family)); /* a size that no connection can be opened with */
        (void)failed;
    }
}

void close_begin(struct worker *worker, struct conn *conn, enum close_reason reason) {
    if (conn->state == CONN_CLOSING || conn->state == CONN_FREE) {
        return;
    }
    bool aborts = reason == CLOSE_SLOW_READER || reason == CLOSE_CONN_MEMORY;
    if (conn_is_live(conn) || aborts) {
        conn->reason = (uint8_t)reason;
    }
    if (conn->state == CONN_OPENING) {
        opening_give_up(worker, conn);
    }
    conn->state = CONN_CLOSING;
    conn->wanted = 0;
    conn->throttled = 0;
    timeouts_unwatch(worker, conn);
    input_discard(&conn->input);
    /*
     * A send in flight: a zero-copy one ends when the client has taken its bytes, which a shutdown does not
     * change.
     */
    if (aborts || conn->send_armed) {
        close_abort_output(conn);
    }
    if (conn->in_flight > 0) {
        shutdown(conn->fd, SHUT_RDWR);
    }
    worker_queue_arm(worker, conn);
}

void close_flush(struct worker *worker, struct conn *conn, enum close_reason reason) {
    if (!conn_is_live(conn)) {
        return;
    }
    if (conn->state == CONN_OPENING) {
        opening_give_up(worker, conn);
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

void close_by_protocol(struct worker *worker, struct conn *conn) {
    close_flush(worker, conn, conn->reply.closing_error ? CLOSE_PROTOCOL_ERROR : CLOSE_BY_PROTOCOL);
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
    case CLOSE_PROTOCOL_ERROR:
    case CLOSE_ERROR:
    case CLOSE_SLOW_READER:
    case CLOSE_INPUT_TOO_LARGE:
    case CLOSE_NO_MEMORY:
    case CLOSE_CONN_MEMORY:
    case CLOSE_OPENING:
        break;
    }
    return PROTOCOL_CLOSE_ERROR;
}

/* As soon as nothing more comes of it, whether the client has ended its side or not; once. */
static void close_tell(struct worker *worker, struct conn *conn) {
    const struct worker_listen *listen = worker_listen(worker, conn);
    if (!conn->counted || conn->told) {
        return;
    }
    conn->told = true;
    conn_log_close(worker, conn);
    if (conn->introduced && listen->protocol->on_close != NULL) {
        listen->protocol->on_close(conn->session, conn->fd, close_told(conn->reason), listen->context);
    }
}

void close_finish(struct worker *worker, struct conn *conn) {
    reply_discard(&conn->reply);
    if (conn->filter_offset != 0) {
        filter_close(worker, conn);
    }
    if (conn->counted) {
        const struct worker_listen *listen = worker_listen(worker, conn);
        close_tell(worker, conn);
        close_count(worker, conn->reason);
        counter_add(&worker->counters.connections_current, UINT64_MAX); /* one less, modulo 2^64 */
        /* relaxed: see accept_take_place. */
        atomic_fetch_sub_explicit(&listen->group->connections_count, 1, memory_order_relaxed);
    }
    conn->session_memory_size = 0;
    worker_charge(worker, conn);
    worker->transport->close_fd(worker, conn->fd);
    conn_release(&worker->conns, conn);
    worker->place_freed = true;
}

void close_linger(struct worker *worker, struct conn *conn) {
    if (conn->input_ended) {
        close_begin(worker, conn, conn->reason);
        return;
    }
    conn->state = CONN_LINGERING;
    close_tell(worker, conn);
    conn->session_memory_size = 0;
    shutdown(conn->fd, SHUT_WR);
    timeouts_watch_linger(worker, conn);
}
