/* SPDX-License-Identifier: MIT
 *
 * drain: the stop of a worker.
 *
 *      SERVING --engine_stop--> DRAINING --at most half the drain time, 1 s--> FLUSHING --drain time over--> ABORTING
 *                  |               |                                              |                            |
 *                  |               +------------------ no connection left --------+----------------------------+--> end
 *                  +-- what waits in the accept queues is taken, then the listeners close
 *
 * DRAINING answers what clients have sent; a connection with nothing received, nothing to answer and
 * nothing to send closes. FLUSHING parses no more and sends what was answered. ABORTING drops what clients
 * did not take.
 */
#include "drain.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>

#include "accept.h"
#include "close.h"
#include "engine_state.h"

enum {
    DRAIN_SERVE_MS_MAX = 1000,
    DRAIN_LOOK_MS = 2, /* between two looks at all connections */
};

void drain_begin(struct worker *worker) {
    if (worker->stage != WORKER_SERVING) {
        return;
    }
    uint32_t half_ms = worker->engine->config.drain_timeout_ms / 2;
    worker->stage = WORKER_DRAINING;
    worker->drain_began_ms = worker->now_ms;
    worker->drain_stage_ends_ms =
        worker->now_ms + (half_ms < DRAIN_SERVE_MS_MAX ? half_ms : DRAIN_SERVE_MS_MAX);
    worker->drain_looks_ms = worker->now_ms + DRAIN_LOOK_MS;
    /* acquire: pairs with the release in engine_stop. */
    enum engine_stop stop = atomic_load_explicit(&worker->engine->stop, memory_order_acquire);
    accept_last(worker, stop == ENGINE_STOP_CLOSE);
}

/*
 * Bytes that the kernel has taken and the client has not: what a client sends after our close draws a reset,
 * and a reset drops them (tcp(7), SIOCOUTQ). On a Unix socket they are in the client's own queue already.
 */
static bool drain_is_sending(const struct conn *conn) {
    int unsent_size = 0;
    return !conn->is_unix && ioctl(conn->fd, SIOCOUTQ, &unsent_size) == 0 && unsent_size > 0;
}

static bool drain_is_unread(const struct conn *conn) {
    int unread_size = 0;
    return ioctl(conn->fd, SIOCINQ, &unread_size) == 0 && unread_size > 0;
}

/* Nothing received, nothing to answer, nothing to send. */
static bool drain_is_quiet(const struct conn *conn) {
    bool pending = conn_reply_pending(conn) || conn->in_run;
    return !pending && !conn_is_sending(conn) && !drain_is_unread(conn) && !drain_is_sending(conn);
}

static void drain_conn(struct worker *worker, struct conn *conn) {
    switch (worker->stage) {
    case WORKER_SERVING:
        return;
    case WORKER_DRAINING:
        if (conn->state == CONN_OPEN && drain_is_quiet(conn)) {
            close_begin(worker, conn, CLOSE_SHUTDOWN);
        }
        return;
    case WORKER_FLUSHING:
        close_flush(worker, conn, CLOSE_SHUTDOWN);
        if (conn->state == CONN_LINGERING && drain_is_quiet(conn)) {
            close_begin(worker, conn, CLOSE_SHUTDOWN);
        }
        return;
    case WORKER_ABORTING:
        close_begin(worker, conn, CLOSE_SHUTDOWN);
        return;
    }
}

static void drain_next_stage(struct worker *worker) {
    if (worker->stage == WORKER_DRAINING) {
        worker->stage = WORKER_FLUSHING;
        worker->drain_stage_ends_ms = worker->drain_began_ms + worker->engine->config.drain_timeout_ms;
    } else {
        worker->stage = WORKER_ABORTING;
        worker->drain_stage_ends_ms = worker->now_ms + worker->engine->config.drain_timeout_ms;
    }
}

void drain_turn(struct worker *worker) {
    if (!deadline_passed(worker->now_ms, worker->drain_looks_ms)) {
        return;
    }
    worker->drain_looks_ms = worker->now_ms + DRAIN_LOOK_MS;
    if (deadline_passed(worker->now_ms, worker->drain_stage_ends_ms)) {
        drain_next_stage(worker);
    }
    for (uint32_t index = 0; index < worker->conns.used_count; index++) {
        struct conn *conn = conn_at(&worker->conns, index);
        if (conn->state != CONN_FREE) {
            drain_conn(worker, conn);
        }
    }
}
