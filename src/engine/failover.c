/* SPDX-License-Identifier: MIT
 *
 * failover: goes on with epoll where a ring can no longer be used. See failover.h.
 */
#include "failover.h"

#include <sys/socket.h>

#include "accept.h"
#include "close.h"
#include "conn_list.h"
#include "engine_state.h"
#include "riposte/log.h"

/*
 * Ends a connection although the kernel holds requests of it. close_begin has shut the socket down, or disconnected it
 * where a send was in flight: whatever the kernel still does with it fails without a look at memory that is ours again.
 */
static void failover_close(struct worker *worker, struct conn *conn) {
    close_begin(worker, conn, CLOSE_ERROR);
    conn->in_flight = 0;
    conn->recv_armed = conn->recv_stopping = conn->send_armed = false;
    close_finish(worker, conn);
}

static void failover_close_all(struct worker *worker) {
    for (uint32_t index = 0; index < worker->conns.used_count; index++) {
        struct conn *conn = conn_at(&worker->conns, index);
        if (conn->state != CONN_FREE) {
            failover_close(worker, conn);
        }
    }
}

/* The accept requests have gone with the ring. */
static void failover_listen(struct worker *worker) {
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        struct listener *listener = &worker->listeners[i];
        listener->wanted = worker->stage == WORKER_SERVING && (listener->armed || listener->wanted);
        listener->armed = false;
    }
}

/* A listener that others share goes on with them. */
static void failover_stop_listening(struct worker *worker) {
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        struct listener *listener = &worker->listeners[i];
        listener->wanted = listener->armed = false;
        if (!listener->is_shared) {
            shutdown(listener->fd, SHUT_RD);
        }
    }
}

bool failover_turn(struct worker *worker) {
    struct engine_error error = {0};
    unsigned long long closed = worker->conns.open_count;
    counter_add(&worker->counters.ring_failovers, 1);
    worker->transport_failed = false;
    const struct transport *failed = worker->transport;
    worker->transport = &transport_epoll; /* descriptors are closed by the system call from here on */
    failover_close_all(worker);
    failed->abandon(worker);
    if (worker->transport->open(worker, &error) < 0) {
        failover_stop_listening(worker);
        conn_list_leave(worker);
        worker->transport = NULL;
        log_line(LOG_LEVEL_ERROR,
                 "worker %u: its ring has failed and %s; its %llu connections are closed, it ends",
                 worker->index, error.message, closed);
        return false;
    }
    failover_listen(worker);
    log_line(LOG_LEVEL_ERROR,
             "worker %u: its ring has failed; its %llu connections are closed, it goes on with epoll",
             worker->index, closed);
    return true;
}
