/* SPDX-License-Identifier: MIT
 *
 * timeouts: which list of deadlines a connection waits in, and what happens when its time has come.
 */
#include "timeouts.h"

#include "close.h"
#include "engine_state.h"
#include "riposte/check.h"

enum { IDLE_LOOK_MS = 250 };

/*
 * A connection that waits for its client to take output is looked after by the write time-out instead of the
 * idle one.
 */
void timeouts_watch_output(struct worker *worker, struct conn *conn) {
    if (conn->timeout == TIMEOUT_WRITE) {
        return;
    }
    deadlines_remove(&worker->deadlines, &worker->conns, conn);
    deadlines_add(&worker->deadlines, &worker->conns, conn, TIMEOUT_WRITE,
                  worker->now_ms + worker->engine->config.write_timeout_ms);
}

/* A connection with nothing to send: when somebody looks at it again although nothing has come. */
void timeouts_watch_quiet(struct worker *worker, struct conn *conn) {
    bool later = conn->next == PROTOCOL_NEXT_LATER || conn->next == PROTOCOL_NEXT_EVENT;
    if (unlikely(later) && conn->state == CONN_OPEN && conn->timeout != TIMEOUT_LATER) {
        deadlines_remove(&worker->deadlines, &worker->conns, conn);
        deadlines_add(&worker->deadlines, &worker->conns, conn, TIMEOUT_LATER,
                      worker->now_ms + PROTOCOL_LATER_MS);
    }
    if (unlikely(worker_listen(worker, conn)->limits->idle_timeout_ms > 0) && conn->timeout == TIMEOUT_NONE &&
        conn->counted && !conn->is_unix && conn->state == CONN_OPEN) {
        deadlines_add(&worker->deadlines, &worker->conns, conn, TIMEOUT_IDLE, worker->now_ms + IDLE_LOOK_MS);
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

/* Called again as it asked for. */
static void timeouts_check_later(struct worker *worker) {
    struct conn *conn;
    while ((conn = deadlines_due(&worker->deadlines, &worker->conns, TIMEOUT_LATER, worker->now_ms)) !=
           NULL) {
        deadlines_remove(&worker->deadlines, &worker->conns, conn);
        if (conn->next == PROTOCOL_NEXT_LATER || conn->next == PROTOCOL_NEXT_EVENT) {
            conn->next = PROTOCOL_NEXT_AGAIN;
            worker_queue_run(worker, conn);
        }
    }
}

void timeouts_turn(struct worker *worker) {
    struct conn *conn;
    timeouts_check_later(worker);
    while ((conn = deadlines_due(&worker->deadlines, &worker->conns, TIMEOUT_WRITE, worker->now_ms)) !=
           NULL) {
        close_begin(worker, conn, CLOSE_SLOW_READER);
    }
    while ((conn = deadlines_due(&worker->deadlines, &worker->conns, TIMEOUT_LINGER, worker->now_ms)) !=
           NULL) {
        close_begin(worker, conn, conn->reason);
    }
    timeouts_check_idle(worker);
}
