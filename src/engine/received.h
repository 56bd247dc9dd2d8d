/* SPDX-License-Identifier: MIT
 *
 * received: since when the requests of a connection wait that are served in a later turn than that in which they came. The
 * worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_RECEIVED_H
#define RIPOSTE_ENGINE_RECEIVED_H

#include "riposte/check.h"
#include "riposte/clock.h"
#include "worker.h"

/* When the requests came that are served now. */
static inline uint64_t received_ns(const struct worker *worker, const struct conn *conn) {
    if (likely(conn->received_us == 0)) {
        return worker->now_ns;
    }
    uint32_t waited_us = (uint32_t)(worker->now_ns / CLOCK_NS_PER_US) - conn->received_us;
    /* In the turn that they came in; the last bit is no time. */
    return waited_us + 1 <= 1 ? worker->now_ns : worker->now_ns - (uint64_t)waited_us * CLOCK_NS_PER_US;
}

/* Keeps in mind since when the oldest of the requests that are still unread have waited. */
static inline void received_note(const struct worker *worker, struct conn *conn, size_t consumed) {
    if (conn->received_us != 0 && consumed < conn->received_size) {
        conn->received_size -= (uint32_t)consumed;
        return;
    }
    conn->received_us = (uint32_t)(worker->now_ns / CLOCK_NS_PER_US) | 1;
    conn->received_size = (uint32_t)input_size(&conn->input);
}

#endif
