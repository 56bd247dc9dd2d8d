/* SPDX-License-Identifier: MIT
 *
 * wire: when bytes go through a connection's filter, and what follows from what it says of them. See wire.h.
 */
#include "wire.h"

#include "close.h"
#include "riposte/check.h"
#include "unread.h"

/* Receives that are filtered behind others after one that was much work. */
enum { WIRE_BEHIND_RECVS = 16 };

/* Bytes through the filter, as many as it takes at once; returns those that are left for later. */
static struct bytes wire_filter(struct worker *worker, struct conn *conn, struct bytes bytes,
                                const struct filter_sink *sink) {
    enum filter_next next = filter_receive(worker, conn, &bytes, sink);
    if (conn->reply.broken) {
        close_begin(worker, conn, CLOSE_NO_MEMORY);
    }
    switch (next) {
    case FILTER_NEXT_INPUT:
        break;
    case FILTER_NEXT_AGAIN:
        if (conn->state == CONN_OPEN) {
            conn_filter(conn)->behind = WIRE_BEHIND_RECVS; /* much work in few bytes */
            conn->costly = CONN_COSTLY_CALLS;
        }
        return conn_is_live(conn) ? bytes : bytes_of(NULL, 0);
    case FILTER_NEXT_LATER:
        return conn_is_live(conn) ? bytes : bytes_of(NULL, 0);
    case FILTER_NEXT_ENDED:
        conn->input_ended = true;
        break;
    case FILTER_NEXT_BROKEN:
        reply_discard(&conn->reply); /* it could not be understood */
        close_flush(worker, conn, CLOSE_ERROR);
        break;
    }
    return bytes_of(NULL, 0); /* what comes behind the last word is nobody's */
}

/* What waits is served in this turn, or kept until the filter is ready. */
static void wire_wait(struct worker *worker, struct conn *conn) {
    unread_throttle(worker, conn);
    if (unlikely(conn_filter_waits(conn))) {
        unread_keep(worker, conn); /* no queue of this turn has it */
    } else {
        worker_queue_run(worker, conn);
    }
}

void wire_take(struct worker *worker, struct conn *conn, struct bytes bytes, const struct filter_sink *sink) {
    bool is_behind =
        conn->state == CONN_OPENING || conn_filter(conn)->behind > 0 || turn_filter_is_over(&worker->turn);
    if (!is_behind && !conn_wire_waits(conn)) {
        bytes = wire_filter(worker, conn, bytes, sink);
    }
    if (!conn_is_live(conn)) {
        return;
    }
    if (conn_filter(conn)->behind > 0 && conn->costly == 0) {
        conn->costly = 1;
    }
    if (bytes.size > 0 && !unread_append(worker, conn, &conn_filter(conn)->wire, bytes)) {
        return;
    }
    if (conn_wire_waits(conn)) {
        wire_wait(worker, conn);
    }
}

/* One more receive of it has been filtered whole. */
static void wire_note_filtered(struct conn *conn) {
    struct conn_filter *own = conn_filter(conn);
    if (own->behind > 0 && !own->again) {
        own->behind--;
    }
}

void wire_turn(struct worker *worker, struct conn *conn, const struct filter_sink *sink) {
    struct input *waiting = &conn_filter(conn)->wire;
    bool was_opening = conn->state == CONN_OPENING; /* a step of a handshake takes long */
    struct input wire = *waiting;                   /* the connection may be closed meanwhile */
    *waiting = (struct input){0};
    size_t size = input_size(&wire);
    unsigned work = worker->turn.filter_work;
    struct bytes left = wire_filter(worker, conn, input_bytes(&wire), sink);
    if (left.size == 0) {
        wire_note_filtered(conn);
        input_discard(&wire);
    } else {
        input_consume(&wire, size - left.size);
        *waiting = wire;
    }
    work = worker->turn.filter_work - work;
    turn_count(&worker->turn, was_opening ? PROTOCOL_WORK_COSTLY : TURN_WORK_REQUESTS * work);
    worker_queue_arm(worker, conn);
    if (unlikely(conn_filter_waits(conn))) {
        unread_keep(worker, conn); /* no queue of this turn has it */
    }
}
