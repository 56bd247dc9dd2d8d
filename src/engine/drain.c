/* SPDX-License-Identifier: MIT
 *
 * drain: the stop of a worker.
 *
 *      SERVING --engine_stop--> DRAINING --at most half the drain time, 1 s--> FLUSHING --drain time over--> ABORTING
 *                  |               |                                              |                            |
 *                  |               +------------------ no connection left --------+----------------------------+--> end
 *                  +-- what waits in the accept queues is taken, then the listeners close
 *
 * DRAINING answers what clients send, and says goodbye to each at a moment when nothing is unanswered:
 *
 *      all that was received is answered, an answer is about to be sent ---+
 *      nothing has come for DRAIN_QUIET_MS, and nothing is unread ---------+--> FLUSHING, LINGERING (conn.h)
 *
 * A client that waits for its answer before it asks again reads answer and end in one piece, and so knows that whatever it
 * sends afterwards is not executed. What comes nevertheless is read and dropped for DRAIN_LINGER_MS, because a close
 * would reset the connection and with it what the client has not yet read. FLUSHING (of the worker) parses no more and
 * sends what was answered. ABORTING drops what clients did not take; a connection that the kernel does not give up within DRAIN_ABORT_MS, since a
 * completion was lost, ends with the ring (failover.h).
 *
 * One whose handshake is under way has DRAIN_OPENING_MS to finish it, and as long after what another thread has yet to do for it: its
 * client may have sent a request behind it already, and hears that this will not be answered only from a filter that is open.
 */
#include "drain.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>

#include "accept.h"
#include "close.h"
#include "engine_state.h"
#include "riposte/log.h"

enum {
    DRAIN_SERVE_MS_MAX = 1000,
    DRAIN_LOOK_MS = 2,   /* between two looks at all connections */
    DRAIN_QUIET_MS = 50, /* a busy client has asked again by then */
    DRAIN_LINGER_MS = 500,
    DRAIN_OPENING_MS = 250,
    DRAIN_ABORT_MS = 2000,
    DRAIN_PART_MS_MAX = 2000,  /* another process serves already; this one should be gone soon */
    DRAIN_PAUSE_MS_MAX = 1000, /* nobody is accepted in a pause: it is shorter than a stop may be */
};

/* For so long, or --drain-timeout where that is less. */
static void drain_start(struct worker *worker, uint32_t timeout_ms_max) {
    worker->drain_timeout_ms = worker->engine->config.drain_timeout_ms;
    if (worker->drain_timeout_ms > timeout_ms_max) {
        worker->drain_timeout_ms = timeout_ms_max;
    }
    uint32_t half_ms = worker->drain_timeout_ms / 2;
    worker->stage = WORKER_DRAINING;
    worker->drain_began_ms = worker->now_ms;
    worker->drain_stage_ends_ms =
        worker->now_ms + (half_ms < DRAIN_SERVE_MS_MAX ? half_ms : DRAIN_SERVE_MS_MAX);
    worker->drain_looks_ms = worker->now_ms + DRAIN_LOOK_MS;
}

void drain_begin(struct worker *worker) {
    if (worker->stage != WORKER_SERVING) {
        return;
    }
    enum engine_stop stop = engine_stop_asked(worker->engine);
    drain_start(worker, stop == ENGINE_STOP_PAUSE ? DRAIN_PAUSE_MS_MAX : UINT32_MAX);
    accept_last(worker, stop == ENGINE_STOP_CLOSE);
}

void drain_part(struct worker *worker) {
    static const struct engine_hooks nobody = {.user = NULL};
    frozen_discard(&worker->frozen, 0); /* what another process has, too, ends when both have closed it */
    if (worker->transport->forget != NULL) {
        worker->transport->forget(worker);
    }
    worker->hooks = &nobody;
    worker->hook_period_ms = 0;
    worker->is_parting = true;
    drain_start(worker, DRAIN_PART_MS_MAX);
    for (uint32_t index = 0; index < worker->conns.used_count; index++) {
        struct conn *conn = conn_at(&worker->conns, index);
        if (conn->state != CONN_FREE) {
            worker_queue_arm(worker, conn);
        }
    }
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

bool drain_is_answered(const struct conn *conn) {
    return !conn->queued[CONN_QUEUE_RUN] && !conn_reply_pending(conn) && conn->throttled == 0 &&
           !drain_is_unread(conn);
}

/* The last answer and the end of our side go in one piece, so that the client cannot ask in between. */
void drain_say_goodbye(struct worker *worker, struct conn *conn, enum close_reason reason) {
    if (conn->is_unix) {
        /* From here on the client cannot send (EPIPE); what it has sent before is still to be read. */
        shutdown(conn->fd, SHUT_RD);
        if (drain_is_unread(conn)) {
            return; /* answered as usual; the end of the input comes behind it */
        }
    } else {
        /* Holds the last piece of the answer back until close_linger's shutdown takes it along (tcp(7)). */
        int one = 1;
        int failed = setsockopt(conn->fd, IPPROTO_TCP, TCP_CORK, &one, sizeof(one));
        (void)failed; /* the end follows the answer a moment later */
    }
    close_flush(worker, conn, reason);
}

/* A connection about to be sent its answer; what it hears before it has asked (a greeting, tickets of TLS) is none. */
static void drain_on_answer(struct worker *worker, struct conn *conn) {
    bool answer_waits =
        conn->has_asked && !conn->send_armed && !conn_waits_for_sent(conn) && conn_is_sending(conn);
    if (conn->state == CONN_OPEN && answer_waits && input_size(&conn->input) == 0 &&
        drain_is_answered(conn)) {
        drain_say_goodbye(worker, conn, CLOSE_SHUTDOWN);
    }
}

static bool drain_is_quiet(const struct worker *worker, const struct conn *conn) {
    return timeout_passed(worker->now_ms, conn->active_ms + DRAIN_QUIET_MS) && !conn_is_sending(conn) &&
           drain_is_answered(conn);
}

/* The handshake is not over, and what has come of it was looked at: since it had its last answer, or came. */
static bool drain_opening_is_late(const struct worker *worker, const struct conn *conn) {
    return timeout_passed(worker->now_ms, worker->drain_began_ms + DRAIN_OPENING_MS) &&
           timeout_passed(worker->now_ms, conn->active_ms + DRAIN_OPENING_MS) && !conn_wire_waits(conn) &&
           !drain_is_unread(conn);
}

static void drain_opening(struct worker *worker, struct conn *conn) {
    if (conn_filter(conn)->waits) {
        conn->active_ms =
            worker->now_ms; /* for this process (FILTER_NEXT_LATER): it is not its client that is late */
    } else if (drain_opening_is_late(worker, conn)) {
        close_flush(worker, conn, CLOSE_SHUTDOWN);
    }
}

/* The client has had time to see our end, and all of its answers. */
static void drain_linger(struct worker *worker, struct conn *conn) {
    uint32_t began_ms = conn->deadline_ms - worker->engine->config.linger_timeout_ms;
    if (timeout_passed(worker->now_ms, began_ms + DRAIN_LINGER_MS) && !drain_is_sending(conn)) {
        close_begin(worker, conn, CLOSE_SHUTDOWN);
    }
}

static void drain_conn(struct worker *worker, struct conn *conn) {
    switch (worker->stage) {
    case WORKER_SERVING:
    case WORKER_FREEZING:
    case WORKER_FROZEN:
        return;
    case WORKER_DRAINING:
        if (conn->state == CONN_OPEN && drain_is_quiet(worker, conn)) {
            drain_say_goodbye(worker, conn, CLOSE_SHUTDOWN);
        } else if (conn->state == CONN_OPENING) {
            drain_opening(worker, conn);
        } else if (conn->state == CONN_LINGERING) {
            drain_linger(worker, conn);
        }
        return;
    case WORKER_FLUSHING:
        close_flush(worker, conn, CLOSE_SHUTDOWN);
        if (conn->state == CONN_LINGERING) {
            drain_linger(worker, conn);
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
        worker->drain_stage_ends_ms = worker->drain_began_ms + worker->drain_timeout_ms;
    } else if (worker->stage == WORKER_FLUSHING) {
        worker->stage = WORKER_ABORTING;
        worker->drain_stage_ends_ms = worker->now_ms + DRAIN_ABORT_MS;
    } else if (worker->transport->abandon != NULL && worker->conns.open_count > 0) {
        /* All are shut down or disconnected, which completes every request: those that still wait would do so for ever. */
        log_line(LOG_LEVEL_ERROR, "worker %u: requests of %u connections have not come back", worker->index,
                 worker->conns.open_count);
        worker->transport_failed = true;
    }
}

static void drain_look(struct worker *worker) {
    worker->drain_looks_ms = worker->now_ms + DRAIN_LOOK_MS;
    if (timeout_passed(worker->now_ms, worker->drain_stage_ends_ms)) {
        drain_next_stage(worker);
    }
    for (uint32_t index = 0; index < worker->conns.used_count; index++) {
        struct conn *conn = conn_at(&worker->conns, index);
        if (conn->state != CONN_FREE) {
            drain_conn(worker, conn);
        }
    }
}

void drain_turn(struct worker *worker) {
    for (uint32_t index = worker->arm.first; index != CONN_NONE && worker->stage == WORKER_DRAINING;) {
        struct conn *conn = conn_at(&worker->conns, index);
        index = conn->queue_next[CONN_QUEUE_ARM];
        drain_on_answer(worker, conn);
    }
    if (timeout_passed(worker->now_ms, worker->drain_looks_ms)) {
        drain_look(worker);
    }
}
