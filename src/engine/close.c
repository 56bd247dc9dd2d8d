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

#include <assert.h>
#include <stddef.h>
#include <sys/socket.h>

#include "engine_state.h"
#include "filter.h"
#include "memory.h"
#include "opening.h"
#include "riposte/check.h"

/* What a reason means to those outside. */
static const struct close_meaning {
    enum protocol_close told; /* to the protocol */
    size_t counter;           /* its offset in the counters */
    const char *text;         /* for the operator */
} close_meanings[] = {
    [CLOSE_BY_CLIENT] = {PROTOCOL_CLOSE_NORMAL, offsetof(struct engine_counters, closed_by_client),
                         "by the client"},
    [CLOSE_BY_PROTOCOL] = {PROTOCOL_CLOSE_NORMAL, offsetof(struct engine_counters, closed_by_protocol),
                           "asked for by the client, or after its last answer"},
    [CLOSE_PROTOCOL_ERROR] = {PROTOCOL_CLOSE_ERROR, offsetof(struct engine_counters, closed_by_protocol),
                              "error: what it sent is refused"},
    [CLOSE_ERROR] = {PROTOCOL_CLOSE_ERROR, offsetof(struct engine_counters, closed_error),
                     "error: its socket failed, or its TLS"},
    [CLOSE_IDLE] = {PROTOCOL_CLOSE_IDLE_TIMEOUT, offsetof(struct engine_counters, closed_idle),
                    "idle time-out"},
    [CLOSE_SLOW_READER] = {PROTOCOL_CLOSE_ERROR, offsetof(struct engine_counters, closed_slow_reader),
                           "error: it takes no output (--write-timeout)"},
    [CLOSE_INPUT_TOO_LARGE] = {PROTOCOL_CLOSE_ERROR, offsetof(struct engine_counters, closed_input_too_large),
                               "error: a request beyond the bound of one connection"},
    [CLOSE_NO_MEMORY] = {PROTOCOL_CLOSE_ERROR, offsetof(struct engine_counters, closed_no_memory),
                         "error: out of memory"},
    [CLOSE_CONN_MEMORY] = {PROTOCOL_CLOSE_ERROR, offsetof(struct engine_counters, closed_conn_memory),
                           "error: all connections hold too much, it most (--conn-memory)"},
    [CLOSE_OPENING] =
        {PROTOCOL_CLOSE_ERROR, offsetof(struct engine_counters, closed_opening),
         "error: its handshake took too long (--login-timeout), or others waited for its place"},
    [CLOSE_SHUTDOWN] = {PROTOCOL_CLOSE_SHUTDOWN, offsetof(struct engine_counters, closed_shutdown),
                        "shutdown"},
    [CLOSE_HANDED_OVER] = {PROTOCOL_CLOSE_SHUTDOWN, offsetof(struct engine_counters, closed_handed_over),
                           "another process takes over and cannot have it"},
};

/*
 * The client will not take what is unsent: the kernel drops it too, with a reset, instead of keeping it for a
 * quarter of an hour.
 */
static void close_abort_output(struct conn *conn) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    int failed = setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    (void)failed; /* Unix sockets ignore it; nothing depends on it */
    if ((conn->in_flight > 0 || conn_waits_for_sent(conn)) && !conn->is_unix) {
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
        opening_end(worker, conn);
    }
    conn->state = CONN_CLOSING;
    conn->wanted = 0;
    conn->throttled = 0;
    conn_discard_input(conn);
    /*
     * A send in flight: a zero-copy one ends when the client has taken its bytes, which a shutdown does not
     * change. One of another engine is looked at until the kernel has let go.
     */
    if (aborts || conn->send_armed || conn_waits_for_sent(conn)) {
        close_abort_output(conn);
    }
    if (!conn_waits_for_sent(conn)) {
        timeouts_unwatch(worker, conn);
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
        opening_end(worker, conn);
    }
    conn->state = CONN_FLUSHING;
    conn->reason = (uint8_t)reason;
    conn->next = PROTOCOL_NEXT_INPUT;
    if (conn->throttled != 0) {
        conn->throttled = 0;
        conn->wanted &= (uint8_t)~WANT_RECV_STOP;
        conn->wanted |= conn->recv_armed || conn->input_ended ? 0 : WANT_RECV;
    }
    conn_discard_input(conn);
    worker_queue_arm(worker, conn);
}

void close_by_protocol(struct worker *worker, struct conn *conn) {
    close_flush(worker, conn, conn->reply.closing_error ? CLOSE_PROTOCOL_ERROR : CLOSE_BY_PROTOCOL);
}

/* As soon as nothing more comes of it, whether the client has ended its side or not; once. */
void close_tell(struct worker *worker, struct conn *conn) {
    const struct worker_listen *listen = worker_listen(worker, conn);
    const struct close_meaning *meaning = &close_meanings[conn->reason];
    if (!conn->counted || conn->told) {
        return;
    }
    assert(meaning->text != NULL); /* every reason has its row */
    conn->told = true;
    if (unlikely(worker->engine->logs_connections)) {
        log_limited(&worker->engine->conn_lines, LOG_LEVEL_DEBUG, "<%d connection closed: %s", conn->fd,
                    meaning->text);
    }
    if (conn->introduced && listen->protocol->on_close != NULL) {
        const struct filter_peer with = filter_peer(worker, conn);
        listen->protocol->on_close(conn->session, &with.peer, meaning->told, listen->context);
    }
}

static void close_count(struct worker *worker, enum close_reason reason) {
    char *counters = (char *)&worker->counters;
    counter_add((struct counter *)(void *)(counters + close_meanings[reason].counter), 1);
}

void close_detach(struct worker *worker, struct conn *conn) {
    reply_discard(&conn->reply);
    if (conn->filter_offset != 0) {
        filter_close(worker, conn);
    }
    if (conn->counted) {
        counter_add(&worker->counters.connections_current, UINT64_MAX); /* one less, modulo 2^64 */
        /* relaxed: see accept_take_place. */
        atomic_fetch_sub_explicit(&worker_listen(worker, conn)->group->connections_count, 1,
                                  memory_order_relaxed);
    }
    conn->session_memory_size = 0;
    worker_charge(worker, conn);
    memory_note_waiting(worker, conn, false);
    conn_release(&worker->conns, conn);
    worker->place_freed = true;
}

void close_finish(struct worker *worker, struct conn *conn) {
    int fd = conn->fd;
    timeouts_unwatch(worker, conn); /* where nobody waits for the kernel (conn_waits_for_sent) */
    if (conn->counted) {
        close_tell(worker, conn);
        close_count(worker, conn->reason);
    }
    close_detach(worker, conn);
    worker->transport->close_fd(worker, fd);
}

void close_linger(struct worker *worker, struct conn *conn) {
    if (conn->input_ended) {
        close_begin(worker, conn, conn->reason);
        return;
    }
    conn->state = CONN_LINGERING;
    close_tell(worker, conn);
    conn->session_memory_size = 0;
    memory_note_waiting(worker, conn, false);
    shutdown(conn->fd, SHUT_WR);
    timeouts_watch_linger(worker, conn);
}
