/* SPDX-License-Identifier: MIT
 *
 * timeouts: which list of deadlines a connection waits in, and what happens when its time has come.
 */
#include "timeouts.h"

#include <sys/ioctl.h>

#include <linux/sockios.h>

#include "close.h"
#include "engine_state.h"
#include "riposte/check.h"

enum {
    IDLE_LOOK_MS = 250,
    /* Looks at what the client has taken out of the kernel's queue, spread over the write time-out. */
    WRITE_LOOKS = 4,
    /* Deadlines that have passed by so much were not looked at in time: the process was stopped, or the machine. */
    LATE_MS = 200,
    LATE_TURNS =
        2, /* what had arrived by then is received in the next turn, and served in it or the one after */
};

static uint32_t timeouts_write_look_ms(const struct worker *worker) {
    return (worker->engine->config.write_timeout_ms + WRITE_LOOKS - 1) / WRITE_LOOKS;
}

/*
 * A connection that waits for its client to take output is looked after by the write time-out instead of the
 * idle one.
 */
void timeouts_watch_output(struct worker *worker, struct conn *conn) {
    if (conn->timeout == TIMEOUT_WRITE) {
        return;
    }
    deadlines_remove(&worker->deadlines, &worker->conns, conn);
    conn->stalled_count = 0;
    deadlines_add(&worker->deadlines, &worker->conns, conn, TIMEOUT_WRITE,
                  worker->now_ms + timeouts_write_look_ms(worker));
}

/* The list of a connection whose on_input wants to be called although nothing comes; NONE for any other. */
static enum timeout_kind timeout_of_next(const struct conn *conn) {
    switch ((enum protocol_next)conn->next) {
    case PROTOCOL_NEXT_INPUT:
    case PROTOCOL_NEXT_AGAIN:
        return TIMEOUT_NONE;
    case PROTOCOL_NEXT_REST:
        return TIMEOUT_REST;
    case PROTOCOL_NEXT_LATER:
    case PROTOCOL_NEXT_EVENT:
        return TIMEOUT_LATER;
    }
    return TIMEOUT_NONE;
}

/* A connection with nothing to send: when somebody looks at it again although nothing has come. */
void timeouts_watch_quiet(struct worker *worker, struct conn *conn) {
    enum timeout_kind kind = timeout_of_next(conn);
    if (unlikely(kind != TIMEOUT_NONE) && conn->state == CONN_OPEN && conn->timeout != kind) {
        deadlines_remove(&worker->deadlines, &worker->conns, conn);
        deadlines_add(&worker->deadlines, &worker->conns, conn, kind,
                      worker->now_ms + (kind == TIMEOUT_REST ? PROTOCOL_REST_MS : PROTOCOL_LATER_MS));
    }
    if (unlikely(worker_listen(worker, conn)->limits->idle_timeout_ms > 0) && conn->timeout == TIMEOUT_NONE &&
        conn->counted && !conn->is_unix && conn->state == CONN_OPEN) {
        deadlines_add(&worker->deadlines, &worker->conns, conn, TIMEOUT_IDLE, worker->now_ms + IDLE_LOOK_MS);
    }
}

/* What the client has not yet taken of what the kernel has: tcp(7), unix(7), SIOCOUTQ. */
static uint32_t conn_queued_size(const struct conn *conn) {
    int size = 0;
    return ioctl(conn->fd, SIOCOUTQ, &size) == 0 && size > 0 ? (uint32_t)size : 0;
}

/*
 * The kernel takes a send, or more of it, only when much of its queue is free again: a client that reads a few
 * KB/s takes minutes to get there. So progress is what has left the queue. The first look only notes it, so that
 * a client is closed after one to five quarters more than the time-out.
 */
static bool timeouts_client_takes(struct conn *conn) {
    uint32_t queued_size = conn_queued_size(conn);
    if (conn->stalled_count == 0 || queued_size != conn->queued_size) {
        conn->queued_size = queued_size;
        conn->stalled_count = 1;
        return true;
    }
    conn->stalled_count++;
    return conn->stalled_count <= WRITE_LOOKS;
}

static void timeouts_check_write(struct worker *worker) {
    struct conn *conn;
    while ((conn = deadlines_due(&worker->deadlines, &worker->conns, TIMEOUT_WRITE, worker->now_ms)) !=
           NULL) {
        deadlines_remove(&worker->deadlines, &worker->conns, conn);
        if (timeouts_client_takes(conn)) {
            deadlines_add(&worker->deadlines, &worker->conns, conn, TIMEOUT_WRITE,
                          worker->now_ms + timeouts_write_look_ms(worker));
        } else {
            close_begin(worker, conn, CLOSE_SLOW_READER);
        }
    }
}

/* An idle look comes every IDLE_LOOK_MS, so that a request costs no list operation. */
static void timeouts_check_idle(struct worker *worker) {
    struct conn *conn;
    while ((conn = deadlines_due(&worker->deadlines, &worker->conns, TIMEOUT_IDLE, worker->now_ms)) != NULL) {
        deadlines_remove(&worker->deadlines, &worker->conns, conn);
        uint32_t idle_timeout_ms = worker_listen(worker, conn)->limits->idle_timeout_ms;
        if (deadline_passed(worker->now_ms, conn->active_ms + idle_timeout_ms)) {
            close_begin(worker, conn, CLOSE_IDLE);
        } else {
            deadlines_add(&worker->deadlines, &worker->conns, conn, TIMEOUT_IDLE,
                          worker->now_ms + IDLE_LOOK_MS);
        }
    }
}

/*
 * A connection in the middle of a request is in no list of idle ones. What its protocol bounds by itself comes
 * first, since it can answer: the request may have begun just before the connection would have been idle, may then
 * take as long again, and the protocol's look is at most PROTOCOL_REST_MS late.
 */
static bool timeouts_is_idle(const struct worker *worker, const struct conn *conn) {
    uint32_t idle_timeout_ms = worker_listen(worker, conn)->limits->idle_timeout_ms;
    uint32_t room_ms =
        ENGINE_TIMEOUT_MS_MAX - idle_timeout_ms; /* no sum that the clock would take for the past */
    uint32_t request_ms = idle_timeout_ms < room_ms ? idle_timeout_ms : room_ms;
    return conn->next == PROTOCOL_NEXT_REST && idle_timeout_ms > 0 && conn->counted && !conn->is_unix &&
           deadline_passed(worker->now_ms, conn->active_ms + idle_timeout_ms + request_ms + PROTOCOL_REST_MS);
}

/* Called again as it asked for; one that no longer asks is looked at for idleness again. */
static void timeouts_check_next(struct worker *worker, enum timeout_kind kind) {
    struct conn *conn;
    while ((conn = deadlines_due(&worker->deadlines, &worker->conns, kind, worker->now_ms)) != NULL) {
        deadlines_remove(&worker->deadlines, &worker->conns, conn);
        if (timeouts_is_idle(worker, conn)) {
            close_begin(worker, conn, CLOSE_IDLE);
        } else if (timeout_of_next(conn) == kind) {
            conn->next = PROTOCOL_NEXT_AGAIN;
            worker_queue_run(worker, conn);
        } else {
            worker_queue_arm(worker, conn);
        }
    }
}

/*
 * True for a few turns after a time in which this thread did not run (SIGSTOP, a suspended machine, a CPU that others had):
 * clients are not judged by it before what they have sent meanwhile is served.
 */
static bool timeouts_are_late(struct worker *worker) {
    uint32_t late_ms = deadlines_late_ms(&worker->deadlines, &worker->conns, worker->now_ms);
    if (late_ms < LATE_MS || worker->late_turns == LATE_TURNS) {
        worker->late_turns = 0;
        return false;
    }
    worker->late_turns++;
    return true;
}

void timeouts_turn(struct worker *worker) {
    struct conn *conn;
    if (unlikely(timeouts_are_late(worker))) {
        return;
    }
    timeouts_check_next(worker, TIMEOUT_LATER);
    timeouts_check_next(worker, TIMEOUT_REST);
    timeouts_check_write(worker);
    while ((conn = deadlines_due(&worker->deadlines, &worker->conns, TIMEOUT_LINGER, worker->now_ms)) !=
           NULL) {
        close_begin(worker, conn, conn->reason);
    }
    timeouts_check_idle(worker);
}
