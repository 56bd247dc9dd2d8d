/* SPDX-License-Identifier: MIT
 *
 * opening: counts them, and ends those that take too long. See opening.h.
 */
#include "opening.h"

#include <assert.h>

#include "close.h"
#include "engine_state.h"

enum {
    /* A client that has said nothing for so long gives its place up where others wait for one: many round trips. */
    OPENING_GRACE_MS = 1000,
};

/* This worker's share of all there may be. */
static uint32_t opening_count_max(const struct worker *worker) {
    uint32_t share = worker->engine->config.openings_max / worker->engine->workers_count;
    return share > 0 ? share : 1;
}

void opening_begin(struct worker *worker, struct conn *conn) {
    assert(conn->state == CONN_OPEN);
    conn->state = CONN_OPENING;
    conn->costly = 1; /* behind all others */
    worker->openings_count++;
}

static void opening_end(struct worker *worker) {
    worker->openings_count--;
    worker->place_freed = worker->place_freed || worker->openings_full;
}

void opening_succeed(struct worker *worker, struct conn *conn) {
    assert(conn->state == CONN_OPENING);
    conn->state = CONN_OPEN;
    conn->costly = 0;
    conn->active_ms = worker->now_ms;
    timeouts_unwatch(worker, conn);
    opening_end(worker);
}

void opening_give_up(struct worker *worker, struct conn *conn) {
    assert(conn->state == CONN_OPENING);
    (void)conn;
    opening_end(worker);
}

/* One of whom nothing has come is not waiting for its turn here. */
static bool opening_may_go(const struct worker *worker, const struct conn *conn) {
    return !conn->queued[CONN_QUEUE_RUN] &&
           timeout_passed(worker->now_ms, conn->active_ms + OPENING_GRACE_MS);
}

bool opening_is_full(struct worker *worker) {
    if (worker->openings_count < opening_count_max(worker)) {
        return false;
    }
    for (uint32_t index = worker->timeouts.lists[TIMEOUT_OPENING].first; index != CONN_NONE;) {
        struct conn *conn = conn_at(&worker->conns, index);
        index = conn->timeout_next;
        if (opening_may_go(worker, conn)) {
            close_begin(worker, conn, CLOSE_OPENING);
        }
    }
    return worker->openings_count >= opening_count_max(worker);
}

void opening_check(struct worker *worker) {
    uint32_t timeout_ms = worker->engine->config.opening_timeout_ms;
    struct conn *conn;
    while ((conn = timeouts_due(&worker->timeouts, &worker->conns, TIMEOUT_OPENING, worker->now_ms)) !=
           NULL) {
        timeouts_unwatch(worker, conn);
        if (timeout_passed(worker->now_ms, conn->active_ms + timeout_ms)) {
            close_begin(worker, conn, CLOSE_OPENING);
        } else {
            timeouts_watch_quiet(worker, conn);
        }
    }
}
