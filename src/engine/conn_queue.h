/* SPDX-License-Identifier: MIT
 *
 * conn_queue: connections of a worker one behind the other, first in, first out.
 *
 * The links are in the connections (queue_next), one for each kind of queue: so nothing is allocated, and a connection is in one queue of a
 * kind at a time, once. It is not taken out when it ends: who pops it looks at its state.
 *
 * Only the owning worker.
 */
#ifndef RIPOSTE_ENGINE_CONN_QUEUE_H
#define RIPOSTE_ENGINE_CONN_QUEUE_H

#include "conn.h"

/* Indices of connections. */
struct conn_queue {
    uint32_t first; /* CONN_NONE when empty */
    uint32_t last;
};

#define CONN_QUEUE_EMPTY ((struct conn_queue){.first = CONN_NONE, .last = CONN_NONE})

static inline bool conn_queue_empty(const struct conn_queue *queue) {
    return queue->first == CONN_NONE;
}

/* Adds to the end, unless it is in a queue of this kind already. */
static inline void conn_queue_push(struct conn_table *table, struct conn_queue *queue, struct conn *conn,
                                   enum conn_queue_kind kind) {
    if (conn->queued[kind]) {
        return;
    }
    conn->queued[kind] = true;
    conn->queue_next[kind] = CONN_NONE;
    if (queue->first == CONN_NONE) {
        queue->first = conn->index;
    } else {
        conn_at(table, queue->last)->queue_next[kind] = conn->index;
    }
    queue->last = conn->index;
}

/* Takes the first; NULL when empty. May be FREE, or have a new owner: look at its state. */
static inline struct conn *conn_queue_pop(struct conn_table *table, struct conn_queue *queue,
                                          enum conn_queue_kind kind) {
    if (queue->first == CONN_NONE) {
        return NULL;
    }
    struct conn *conn = conn_at(table, queue->first);
    queue->first = conn->queue_next[kind];
    conn->queued[kind] = false;
    return conn;
}

#endif
