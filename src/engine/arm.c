/* SPDX-License-Identifier: MIT
 *
 * arm: what the kernel is asked to do after a turn: one send for each connection with output, receives,
 * accepts; and what becomes of a connection that has nothing more to send.
 */
#include "arm.h"

#include <errno.h>

#include "close.h"
#include "engine_state.h"
#include "filter.h"
#include "riposte/check.h"
#include "send_file.h"
#include "timeouts.h"

enum {
    /* Bytes of output up to which it is sent in any case. */
    ARM_SMALL_SIZE = 4 * 1024,
    /*
     * Bytes of all larger sends in one turn, some 300 us of them; the last may pass it. Through a filter each counts as one and a half,
     * as it is given to it: encrypted and sent it costs three times as much, but with small batches all of it would be slower. Many
     * clients that take their answers at the same time must not hold up those with small ones.
     */
    ARM_TURN_SIZE_MAX = 1024 * 1024,
    /* Filters that are closed in one turn: what TLS holds of a connection takes some 10 us to free. */
    ARM_FILTER_CLOSES_MAX = 50,
    ARM_LATER_MAX = 256, /* of arm_later in a turn, some 400 us of them */
};

/* Everything the client asked for before its end has been answered and sent. */
static bool arm_is_done(const struct conn *conn) {
    return conn->input_ended && !conn_reply_pending(conn) && !conn->queued[CONN_QUEUE_RUN] &&
           !conn_output_throttled(conn);
}

/* What the connection's state asks for after this turn, when no output waits. */
static void arm_advance(struct worker *worker, struct conn *conn) {
    switch ((enum conn_state)conn->state) {
    case CONN_FREE:
    case CONN_CLOSING:
        return;
    case CONN_OPENING:
    case CONN_OPEN:
        if (arm_is_done(conn) && conn->filter_offset != 0) {
            /* The filter has a last word to say. */
            close_flush(worker, conn, filter_ended(worker, conn) ? CLOSE_BY_CLIENT : CLOSE_ERROR);
        } else if (arm_is_done(conn)) {
            close_begin(worker, conn, CLOSE_BY_CLIENT);
        }
        return;
    case CONN_FLUSHING:
        if (conn->filter_offset == 0 || !filter_finish(worker, conn)) {
            close_linger(worker, conn);
        }
        return;
    case CONN_LINGERING:
        if (conn->input_ended) {
            close_begin(worker, conn, conn->reason);
        }
        return;
    }
}

/* The filter cannot send what the protocol has said before more comes from the client (a handshake). */
static bool arm_filter_waits(const struct conn *conn) {
    return conn->filter_offset != 0 && conn->reply.unsent_size > 0 && !conn->send_armed &&
           !conn_has_output(conn) && !conn_waits_for_file(conn);
}

static void arm_next_turn(struct worker *worker, struct conn *conn) {
    conn_queue_push(&worker->conns, &worker->arm_next_turn, conn, CONN_QUEUE_ARM);
}

/* So many bytes of the connection are more than this turn can still send: they go first in the next one. Until they are gone there is little more. */
static bool arm_output_waits(struct worker *worker, struct conn *conn, size_t size) {
    if (likely(size <= ARM_SMALL_SIZE || worker->turn.sends_size < ARM_TURN_SIZE_MAX)) {
        return false;
    }
    conn->slow = true;
    arm_next_turn(worker, conn);
    return true;
}

/* What the protocol has said becomes output. Much of it waits for the next turn, when this one has made much already. */
static void arm_filter(struct worker *worker, struct conn *conn) {
    size_t size = conn->reply.unsent_size;
    if (conn_waits_for_file(conn) || arm_output_waits(worker, conn, size)) {
        return;
    }
    int result = filter_send(worker, conn);
    size_t given_size = size - conn->reply.unsent_size;
    worker->turn.sends_size += given_size + given_size / 2;
    if (result < 0) {
        close_begin(worker, conn, result == -ENOMEM ? CLOSE_NO_MEMORY : CLOSE_ERROR);
        return;
    }
    bool hears = conn_is_live(conn) && !conn->input_ended;
    if (arm_filter_waits(conn) && !hears) {
        reply_discard(&conn->reply); /* nothing will come that could open the way */
    }
}

/* A send that others go before: the turn has sent much already. */
static bool arm_send_waits(struct worker *worker, struct conn *conn) {
    size_t size = conn_output(conn)->unsent_size;
    if (likely(size <= ARM_SMALL_SIZE) || conn->filter_offset != 0) {
        return false; /* what comes from a filter has been counted */
    }
    if (arm_output_waits(worker, conn, size)) {
        return true;
    }
    bool in_parts = conn_output_has_file(conn) && size > SEND_FILE_SIZE_MAX;
    worker->turn.sends_size += in_parts ? SEND_FILE_SIZE_MAX : size;
    return false;
}

/* The kernel has nothing of it any more. */
static void arm_close(struct worker *worker, struct conn *conn) {
    if (unlikely(conn->filter_offset != 0) && worker->turn.filter_closes++ >= ARM_FILTER_CLOSES_MAX) {
        arm_next_turn(worker, conn);
        return;
    }
    close_finish(worker, conn);
}

/*
 * Receives of a turn for those that send much: each takes up to a buffer of the ring, and half of the buffers are for others, who wait a
 * turn where there is none.
 */
static unsigned arm_heavy_recvs_max(const struct worker *worker) {
    return worker->engine->sizes.recv_buffer_count / 2; /* there are two at least */
}

/* Asks the transport; a receive of one that sends much waits where the turn has armed enough of these. False: no room. */
static inline_always bool arm_wanted(struct worker *worker, struct conn *conn) {
    bool is_heavy = unlikely(conn->recv_heavy) && (conn->wanted & WANT_RECV) != 0;
    if (likely(!is_heavy) || worker->turn.heavy_recvs < arm_heavy_recvs_max(worker)) {
        worker->turn.heavy_recvs += is_heavy;
        return conn->wanted == 0 || worker->transport->arm(worker, conn);
    }
    conn->wanted &= (uint8_t)~WANT_RECV;
    bool armed = conn->wanted == 0 || worker->transport->arm(worker, conn);
    conn->wanted |= WANT_RECV;
    if (armed) {
        arm_next_turn(worker, conn);
    }
    return armed;
}

/*
 * Decides what a connection needs next, then asks the transport for it. False: no room, the connection stays
 * in the queue. Inlined by force: since there are two callers, the compiler would call it for each connection.
 */
static inline_always bool arm_conn(struct worker *worker, struct conn *conn) {
    if (conn->state == CONN_FREE) {
        return true;
    }
    if (unlikely(conn->recv_behind > 0)) {
        conn->recv_behind--;
        worker_queue_arm(worker, conn);
        return true;
    }
    if (unlikely(conn->filter_offset != 0) && conn->state != CONN_CLOSING) {
        arm_filter(worker, conn);
    }
    worker_charge(worker, conn);
    if (!conn_is_sending(conn)) {
        arm_advance(worker, conn);
        timeouts_watch_quiet(worker, conn);
    } else if (arm_filter_waits(conn)) {
        timeouts_watch_quiet(worker, conn); /* a client that does not go on is idle */
    }
    if (conn->state == CONN_CLOSING) {
        if (conn->in_flight == 0 && !conn_waits_for_sent(conn)) {
            arm_close(worker, conn);
        }
        return true;
    }
    if (conn_has_output(conn) && !conn->send_armed && !conn_send_waits(conn)) {
        if (likely(!arm_send_waits(worker, conn))) {
            conn->wanted |= WANT_SEND;
        }
        timeouts_watch_output(worker, conn);
    }
    return arm_wanted(worker, conn);
}

/* When all others are armed. */
static __attribute__((noinline)) void arm_later(struct worker *worker) {
    struct conn *conn;
    for (unsigned count = 0;
         count < ARM_LATER_MAX && conn_queue_empty(&worker->arm) &&
         (conn = conn_queue_pop(&worker->conns, &worker->arm_later, CONN_QUEUE_ARM)) != NULL;
         count++) {
        if (!arm_conn(worker, conn)) {
            conn_queue_push(&worker->conns, &worker->arm_later, conn, CONN_QUEUE_ARM);
            return;
        }
    }
}

void arm_turn(struct worker *worker) {
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        struct listener *listener = &worker->listeners[i];
        if (unlikely(listener->wanted && !listener->armed) &&
            worker->transport->arm_accept(worker, listener)) {
            listener->wanted = false;
        }
    }
    struct conn *conn;
    while ((conn = conn_queue_pop(&worker->conns, &worker->arm, CONN_QUEUE_ARM)) != NULL) {
        if (!arm_conn(worker, conn)) {
            worker_queue_arm(worker, conn);
            break;
        }
    }
    if (unlikely(!conn_queue_empty(&worker->arm_later))) {
        arm_later(worker);
    }
    while (
        unlikely((conn = conn_queue_pop(&worker->conns, &worker->arm_next_turn, CONN_QUEUE_ARM)) != NULL)) {
        worker_queue_arm(worker, conn);
    }
}
