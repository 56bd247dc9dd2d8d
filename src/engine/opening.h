/* SPDX-License-Identifier: MIT
 *
 * opening: connections whose filter is not open yet (a handshake is under way): how many a worker has.
 *
 *      accept --filter says so--> OPENING --filter is open--> OPEN: on_open of the protocol
 *                                    |
 *                                    +-- opening_timeout_ms is over, or others wait for its place --> CLOSING
 *
 * What they receive is served behind the requests of others: a step of a handshake takes as long as hundreds of those. At the
 * bound no listen with a filter accepts any more (accept.c); what the kernel has accepted by then may pass it. The worker's
 * own thread only.
 */
#ifndef RIPOSTE_ENGINE_OPENING_H
#define RIPOSTE_ENGINE_OPENING_H

#include <assert.h>

#include "worker.h"

/* The connection was accepted, and its filter is not open. */
static inline void opening_begin(struct worker *worker, struct conn *conn) {
    assert(conn->state == CONN_OPEN);
    conn->state = CONN_OPENING;
    conn->costly = 1; /* behind all others */
    worker->openings_count++;
}

/* One less: it is open, or it ends without having been so. */
static inline void opening_end(struct worker *worker, const struct conn *conn) {
    assert(conn->state == CONN_OPENING);
    (void)conn;
    worker->openings_count--;
    worker->place_freed = worker->place_freed || worker->openings_full;
}

/* It is open from now on. */
static inline void opening_succeed(struct worker *worker, struct conn *conn) {
    opening_end(worker, conn);
    conn->state = CONN_OPEN;
    conn->costly = 0;
    conn->active_ms = worker->now_ms;
    timeouts_unwatch(worker, conn);
}

#endif
