/* SPDX-License-Identifier: MIT
 *
 * overdue: judges the connections whose time has come: closed, called, or looked at again later.
 */
#include "overdue.h"

#include <sys/ioctl.h>

#include <linux/sockios.h>

#include "close.h"
#include "engine_state.h"
#include "lent.h"
#include "riposte/check.h"
#include "serve.h"

enum {
    /* Deadlines that have passed by so much were not looked at in time: the process was stopped, or the machine. */
    LATE_MS = 200,
    /* The first turns after that need not have received anything yet of what had arrived by then. */
    LATE_TURNS = 2,
    /* Who goes on sending does not put off for ever what is due; by then the rest of what had arrived is served, too. */
    LATE_MOST_MS = 1000,
};

/* The next connection of a list whose time has come: watched for nothing any more. NULL when there is none. */
static struct conn *overdue_take(struct worker *worker, enum timeout_kind kind) {
    struct conn *conn = timeouts_due(&worker->timeouts, &worker->conns, kind, worker->now_ms);
    if (conn != NULL) {
        timeouts_unwatch(worker, conn);
    }
    return conn;
}

/* What the client has not yet taken of what the kernel has: tcp(7), unix(7), SIOCOUTQ. */
static uint32_t overdue_queued_size(const struct conn *conn) {
    int size = 0;
    return ioctl(conn->fd, SIOCOUTQ, &size) == 0 && size > 0 ? (uint32_t)size : 0;
}

/*
 * The kernel takes a send, or more of it, only when much of its queue is free again: a client that reads a few
 * KB/s takes minutes to get there. So progress is what has left the queue. The first look only notes it, so that
 * a client is closed after one to five quarters more than the time-out.
 */
static bool overdue_client_takes(struct conn *conn) {
    uint32_t queued_size = overdue_queued_size(conn);
    if (conn->stalled_count == 0 || queued_size != conn->queued_size) {
        conn->queued_size = queued_size;
        conn->stalled_count = 1;
        return true;
    }
    conn->stalled_count++;
    return conn->stalled_count <= TIMEOUT_WRITE_LOOKS;
}

static void overdue_check_write(struct worker *worker) {
    struct conn *conn;
    while ((conn = overdue_take(worker, TIMEOUT_WRITE)) != NULL) {
        if (overdue_client_takes(conn)) {
            timeouts_watch_again(worker, conn, TIMEOUT_WRITE);
        } else {
            close_begin(worker, conn, CLOSE_SLOW_READER);
        }
    }
}

/* A disk that does not answer for so long is none. */
static void overdue_check_file(struct worker *worker) {
    struct conn *conn;
    while ((conn = overdue_take(worker, TIMEOUT_FILE)) != NULL) {
        worker_queue_arm(worker, conn);
        if (timeout_passed(worker->now_ms, conn->active_ms + worker->engine->config.write_timeout_ms)) {
            counter_add(&worker->counters.files_cut, 1);
            close_begin(worker, conn, CLOSE_ERROR);
        }
    }
}

/* As overdue_client_takes, with looks that come more often. */
static bool overdue_sent_moves(const struct worker *worker, struct conn *conn) {
    uint32_t queued_size = overdue_queued_size(conn);
    if (queued_size != conn->queued_size) {
        conn->queued_size = queued_size;
        conn->active_ms = worker->now_ms;
    }
    return !timeout_passed(worker->now_ms, conn->active_ms + worker->engine->config.write_timeout_ms);
}

/* What another engine has sent without a copy. Who is being closed has no more of it, but for what is on its way through the machine. */
static void overdue_check_sent(struct worker *worker) {
    struct conn *conn;
    while ((conn = overdue_take(worker, TIMEOUT_SENT)) != NULL) {
        if (lent_is_taken(conn->fd)) {
            serve_on_sent(worker, conn, conn->sending_size);
            continue;
        }
        bool moves = overdue_sent_moves(worker, conn);
        timeouts_watch_sent(worker, conn);
        if (!moves) {
            close_begin(worker, conn, CLOSE_SLOW_READER);
        }
    }
}

/* A look for idle ones comes now and then, so that a request costs no list operation. */
static void overdue_check_idle(struct worker *worker) {
    struct conn *conn;
    while ((conn = overdue_take(worker, TIMEOUT_IDLE)) != NULL) {
        uint32_t idle_timeout_ms = worker_listen(worker, conn)->limits->idle_timeout_ms;
        if (timeout_passed(worker->now_ms, conn->active_ms + idle_timeout_ms)) {
            close_begin(worker, conn, CLOSE_IDLE);
        } else {
            timeouts_watch_again(worker, conn, TIMEOUT_IDLE);
        }
    }
}

/* One whose filter does not open: its time runs from its beginning. */
static void overdue_check_opening(struct worker *worker) {
    struct conn *conn;
    while ((conn = overdue_take(worker, TIMEOUT_OPENING)) != NULL) {
        if (timeout_passed(worker->now_ms, conn->active_ms + worker->engine->config.opening_timeout_ms)) {
            close_begin(worker, conn, CLOSE_OPENING);
        } else {
            timeouts_watch_again(worker, conn, TIMEOUT_OPENING);
        }
    }
}

/*
 * A connection in the middle of a request is in no list of idle ones. What its protocol bounds by itself comes
 * first, since it can answer: the request may have begun just before the connection would have been idle, may then
 * take as long again, and the protocol's look is at most PROTOCOL_REST_MS late.
 */
static bool overdue_is_idle(const struct worker *worker, const struct conn *conn) {
    uint32_t idle_timeout_ms = worker_listen(worker, conn)->limits->idle_timeout_ms;
    uint32_t room_ms =
        ENGINE_TIMEOUT_MS_MAX - idle_timeout_ms; /* no sum that the clock would take for the past */
    uint32_t request_ms = idle_timeout_ms < room_ms ? idle_timeout_ms : room_ms;
    return conn->next == PROTOCOL_NEXT_REST && idle_timeout_ms > 0 && conn->counted && !conn->is_unix &&
           timeout_passed(worker->now_ms, conn->active_ms + idle_timeout_ms + request_ms + PROTOCOL_REST_MS);
}

/* Called again as it asked for; one that no longer asks is looked at for idleness again. */
static void overdue_check_next(struct worker *worker, enum timeout_kind kind) {
    struct conn *conn;
    while ((conn = overdue_take(worker, kind)) != NULL) {
        if (overdue_is_idle(worker, conn)) {
            close_begin(worker, conn, CLOSE_IDLE);
        } else if (timeouts_kind(conn) == kind) {
            conn->waited |= kind == TIMEOUT_SOON;
            conn->next = PROTOCOL_NEXT_AGAIN;
            worker_queue_run(worker, conn);
        } else {
            worker_queue_arm(worker, conn);
        }
    }
}

/* Nothing that had arrived is left: the turn has received nothing, nothing waits to be served, and no receive to be armed. */
static bool overdue_has_caught_up(struct worker *worker) {
    uint64_t recvs = counter_read(&worker->counters.recvs);
    bool received = recvs != worker->late_recvs;
    worker->late_recvs = recvs;
    return !received && worker->late_turns >= LATE_TURNS && conn_queue_empty(&worker->run) &&
           conn_queue_empty(&worker->run_costly) && conn_queue_empty(&worker->arm);
}

/*
 * True for some turns after a time in which this thread did not run (SIGSTOP, a suspended machine, a CPU that others had):
 * clients are not judged by it before what they have sent meanwhile is served. A turn serves only so many.
 */
static bool overdue_is_late(struct worker *worker) {
    if (likely(worker->late_turns == 0)) {
        if (timeouts_late_ms(&worker->timeouts, &worker->conns, worker->now_ms) < LATE_MS) {
            return false;
        }
        worker->late_since_ms = worker->now_ms;
    }
    if (overdue_has_caught_up(worker) ||
        timeout_passed(worker->now_ms, worker->late_since_ms + LATE_MOST_MS)) {
        worker->late_turns = 0;
        return false;
    }
    worker->late_turns = (uint8_t)(worker->late_turns < LATE_TURNS ? worker->late_turns + 1 : LATE_TURNS);
    return true;
}

void overdue_turn(struct worker *worker) {
    struct conn *conn;
    overdue_check_next(worker, TIMEOUT_SOON); /* these two judge nobody */
    overdue_check_next(worker, TIMEOUT_LATER);
    if (unlikely(overdue_is_late(worker))) {
        return;
    }
    overdue_check_next(worker, TIMEOUT_REST);
    overdue_check_write(worker);
    overdue_check_file(worker);
    overdue_check_sent(worker);
    overdue_check_opening(worker);
    while ((conn = overdue_take(worker, TIMEOUT_LINGER)) != NULL) {
        close_begin(worker, conn, conn->reason);
    }
    overdue_check_idle(worker);
}
