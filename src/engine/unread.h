/* SPDX-License-Identifier: MIT
 *
 * unread: what a connection has sent and is not read yet: kept beyond the turn, charged to the bound of all connections,
 * and no more received while there is much of it.
 *
 *      conn.input         plain bytes, for the protocol
 *      conn_filter.wire   bytes as they came, for the connection's filter
 *
 * Both are borrowed from the receive buffers until the end of the turn. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_UNREAD_H
#define RIPOSTE_ENGINE_UNREAD_H

#include "worker.h"

/* Adds to `input`, which is one of the two. False: there is no memory for them, the connection is closed. */
bool unread_append(struct worker *worker, struct conn *conn, struct input *input, struct bytes bytes);

/* Unread bytes must survive the turn; where they cannot the connection is closed. */
void unread_keep(struct worker *worker, struct conn *conn);

/* How much of requests that wait for their turn is read ahead; a single one may pass it, up to the input bound. */
uint32_t unread_size_max(const struct worker *worker, const struct conn *conn);

/* Bytes come faster than their turns: what this worker reads ahead of them is bounded, the rest waits in the socket. */
void unread_throttle(struct worker *worker, struct conn *conn);

/* Receives again; not while much waits for the filter, whose turn will do it. */
void unread_release(struct worker *worker, struct conn *conn);

static inline void unread_stop_recv(struct conn *conn) {
    if (conn->recv_armed) {
        conn->wanted |= WANT_RECV_STOP;
    }
    conn->wanted &= (uint8_t)~WANT_RECV;
}

/* Receives again, unless there is another reason not to. */
static inline void unread_start_recv(struct conn *conn) {
    if (conn->throttled != 0) {
        return;
    }
    conn->wanted &= (uint8_t)~WANT_RECV_STOP;
    if (!conn->recv_armed && !conn->input_ended) {
        conn->wanted |= WANT_RECV;
    }
}

#endif
