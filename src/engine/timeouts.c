/* SPDX-License-Identifier: MIT
 *
 * timeouts: which list a connection waits in, and what happens when its time has come.
 */
#include "timeouts.h"

#include <assert.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

#include "close.h"
#include "engine_state.h"
#include "opening.h"
#include "riposte/check.h"
#include "worker.h"

enum {
    IDLE_LOOK_MS = 250,
    /* Looks at what the client has taken out of the kernel's queue, spread over the write time-out. */
    WRITE_LOOKS = 4,
    /* Deadlines that have passed by so much were not looked at in time: the process was stopped, or the machine. */
    LATE_MS = 200,
    LATE_TURNS =
        2, /* what had arrived by then is received in the next turn, and served in it or the one after */
};

/* Puts it into a list for so long from now. */
static void timeouts_watch(struct worker *worker, struct conn *conn, enum timeout_kind kind,
                           uint32_t time_ms) {
    timeouts_add(&worker->timeouts, &worker->conns, conn, kind, worker->now_ms + time_ms);
}

void timeouts_unwatch(struct worker *worker, struct conn *conn) {
    timeouts_remove(&worker->timeouts, &worker->conns, conn);
}

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
    timeouts_unwatch(worker, conn);
    conn->stalled_count = 0;
    timeouts_watch(worker, conn, TIMEOUT_WRITE, timeouts_write_look_ms(worker));
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
    if (unlikely(conn->state == CONN_OPENING)) {
        if (conn->timeout == TIMEOUT_NONE) {
            timeouts_watch(worker, conn, TIMEOUT_OPENING, IDLE_LOOK_MS);
        }
        return;
    }
    enum timeout_kind kind = timeout_of_next(conn);
    if (unlikely(kind != TIMEOUT_NONE) && conn->state == CONN_OPEN && conn->timeout != kind) {
        timeouts_unwatch(worker, conn);
        timeouts_watch(worker, conn, kind, (kind == TIMEOUT_REST ? PROTOCOL_REST_MS : PROTOCOL_LATER_MS));
    }
    if (unlikely(worker_listen(worker, conn)->limits->idle_timeout_ms > 0) && conn->timeout == TIMEOUT_NONE &&
        conn->counted && !conn->is_unix && conn->state == CONN_OPEN) {
        timeouts_watch(worker, conn, TIMEOUT_IDLE, IDLE_LOOK_MS);
    }
}

void timeouts_watch_linger(struct worker *worker, struct conn *conn) {
    timeouts_unwatch(worker, conn);
    timeouts_watch(worker, conn, TIMEOUT_LINGER, worker->engine->config.linger_timeout_ms);
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
    while ((conn = timeouts_due(&worker->timeouts, &worker->conns, TIMEOUT_WRITE, worker->now_ms)) != NULL) {
        timeouts_unwatch(worker, conn);
        if (timeouts_client_takes(conn)) {
            timeouts_watch(worker, conn, TIMEOUT_WRITE, timeouts_write_look_ms(worker));
        } else {
            close_begin(worker, conn, CLOSE_SLOW_READER);
        }
    }
}

/* An idle look comes every IDLE_LOOK_MS, so that a request costs no list operation. */
static void timeouts_check_idle(struct worker *worker) {
    struct conn *conn;
    while ((conn = timeouts_due(&worker->timeouts, &worker->conns, TIMEOUT_IDLE, worker->now_ms)) != NULL) {
        timeouts_unwatch(worker, conn);
        uint32_t idle_timeout_ms = worker_listen(worker, conn)->limits->idle_timeout_ms;
        if (timeout_passed(worker->now_ms, conn->active_ms + idle_timeout_ms)) {
            close_begin(worker, conn, CLOSE_IDLE);
        } else {
            timeouts_watch(worker, conn, TIMEOUT_IDLE, IDLE_LOOK_MS);
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
           timeout_passed(worker->now_ms, conn->active_ms + idle_timeout_ms + request_ms + PROTOCOL_REST_MS);
}

/* Called again as it asked for; one that no longer asks is looked at for idleness again. */
static void timeouts_check_next(struct worker *worker, enum timeout_kind kind) {
    struct conn *conn;
    while ((conn = timeouts_due(&worker->timeouts, &worker->conns, kind, worker->now_ms)) != NULL) {
        timeouts_unwatch(worker, conn);
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
    uint32_t late_ms = timeouts_late_ms(&worker->timeouts, &worker->conns, worker->now_ms);
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
    opening_check(worker);
    while ((conn = timeouts_due(&worker->timeouts, &worker->conns, TIMEOUT_LINGER, worker->now_ms)) != NULL) {
        close_begin(worker, conn, conn->reason);
    }
    timeouts_check_idle(worker);
}

/* --- the lists --------------------------------------------------------------------------------------- */

void timeouts_init(struct timeouts *timeouts) {
    for (int kind = 0; kind < TIMEOUT_KIND_COUNT; kind++) {
        timeouts->lists[kind] = (struct timeout_list){.first = CONN_NONE, .last = CONN_NONE};
    }
}

void timeouts_add(struct timeouts *timeouts, struct conn_table *table, struct conn *conn,
                  enum timeout_kind kind, uint32_t deadline_ms) {
    assert(conn->timeout == TIMEOUT_NONE && kind != TIMEOUT_NONE);
    struct timeout_list *list = &timeouts->lists[kind];
    conn->timeout = (uint8_t)kind;
    conn->deadline_ms = deadline_ms;
    conn->timeout_previous = list->last;
    conn->timeout_next = CONN_NONE;
    if (list->last == CONN_NONE) {
        list->first = conn->index;
    } else {
        conn_at(table, list->last)->timeout_next = conn->index;
    }
    list->last = conn->index;
}

void timeouts_remove(struct timeouts *timeouts, struct conn_table *table, struct conn *conn) {
    if (conn->timeout == TIMEOUT_NONE) {
        return;
    }
    struct timeout_list *list = &timeouts->lists[conn->timeout];
    if (conn->timeout_previous == CONN_NONE) {
        list->first = conn->timeout_next;
    } else {
        conn_at(table, conn->timeout_previous)->timeout_next = conn->timeout_next;
    }
    if (conn->timeout_next == CONN_NONE) {
        list->last = conn->timeout_previous;
    } else {
        conn_at(table, conn->timeout_next)->timeout_previous = conn->timeout_previous;
    }
    conn->timeout = TIMEOUT_NONE;
}

struct conn *timeouts_due(const struct timeouts *timeouts, const struct conn_table *table,
                          enum timeout_kind kind, uint32_t now_ms) {
    uint32_t first = timeouts->lists[kind].first;
    if (first == CONN_NONE) {
        return NULL;
    }
    struct conn *conn = conn_at(table, first);
    return timeout_passed(now_ms, conn->deadline_ms) ? conn : NULL;
}

uint32_t timeouts_next_ms(const struct timeouts *timeouts, const struct conn_table *table, uint32_t now_ms) {
    uint32_t next_ms = UINT32_MAX;
    for (int kind = TIMEOUT_NONE + 1; kind < TIMEOUT_KIND_COUNT; kind++) {
        uint32_t first = timeouts->lists[kind].first;
        if (first == CONN_NONE) {
            continue;
        }
        uint32_t deadline_ms = conn_at(table, first)->deadline_ms;
        uint32_t left_ms = timeout_passed(now_ms, deadline_ms) ? 1 : deadline_ms - now_ms;
        next_ms = left_ms < next_ms ? left_ms : next_ms;
    }
    return next_ms;
}

uint32_t timeouts_late_ms(const struct timeouts *timeouts, const struct conn_table *table, uint32_t now_ms) {
    uint32_t late_ms = 0;
    for (int kind = TIMEOUT_NONE + 1; kind < TIMEOUT_KIND_COUNT; kind++) {
        uint32_t first = timeouts->lists[kind].first;
        if (first == CONN_NONE || !timeout_passed(now_ms, conn_at(table, first)->deadline_ms)) {
            continue;
        }
        uint32_t passed_ms = now_ms - conn_at(table, first)->deadline_ms;
        late_ms = passed_ms > late_ms ? passed_ms : late_ms;
    }
    return late_ms;
}
