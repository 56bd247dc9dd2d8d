/* SPDX-License-Identifier: MIT
 *
 * serve: from received bytes to answers.
 *
 * A turn serves its run queue in rounds: each connection may complete requests_per_round_max requests, then
 * goes to the end of the queue if it has more (counted as a yield). Connections whose requests took long are
 * served behind all others. After a few rounds, or when the turn's time is over, what is left is copied out
 * and goes on next turn; what was answered is sent and what has come is received before.
 */
#include "serve.h"

#include "accept.h"
#include "arm.h"
#include "close.h"
#include "engine_state.h"
#include "memory.h"
#include "riposte/check.h"
#include "shed.h"
#include "unread.h"
#include "wire.h"

enum {
    /* Rounds of one turn: enough for a usual pipeline; a connection that always has more (a dump) waits for
       the others' next requests. */
    TURN_ROUNDS_MAX = 4,
    /* Bytes at once that only pipelines and values bring. */
    RECV_HEAVY_SIZE_MIN = 16 * 1024,
    /* Unsent bytes of a client that does not take what it has; a single answer may pass it. */
    SLOW_OUTPUT_SIZE_MAX = 64 * 1024,
};

static void serve_throttle_output(struct worker *worker, struct conn *conn) {
    conn->throttled |= THROTTLED_OUTPUT;
    conn->slow = conn->slow || conn->send_armed;
    counter_add(&worker->counters.output_pauses, 1);
    unread_stop_recv(conn);
    unread_keep(worker, conn);
}

/*
 * on_input has returned with AGAIN: the connection goes on later, when others had their turn or its output
 * has drained, or when the file in it is sent (serve_on_sent).
 */
static void serve_again(struct worker *worker, struct conn *conn, bool yielded) {
    unread_throttle(worker, conn);
    if (reply_at_bound(&conn->reply)) {
        serve_throttle_output(worker, conn);
        return;
    }
    if (unlikely(reply_has_file(&conn->reply))) {
        unread_keep(worker, conn);
        return;
    }
    if (yielded) {
        counter_add(&worker->counters.yields, 1);
    }
    worker_queue_run(worker, conn);
}

/* on_input wants more bytes than there are, or to be called later. */
static void serve_more(struct worker *worker, struct conn *conn) {
    if (conn->next == PROTOCOL_NEXT_LATER) {
        unread_throttle(worker, conn); /* what is unread waits for an answer, not for more bytes */
    } else if (input_size(&conn->input) > worker_listen(worker, conn)->limits->input_size_max) {
        close_begin(worker, conn, CLOSE_INPUT_TOO_LARGE);
        return;
    } else if (conn_input_throttled(conn)) {
        unread_release(worker, conn); /* also above half: the rest of a large request */
    }
    unread_keep(worker, conn);
    if (reply_at_bound(&conn->reply)) {
        serve_throttle_output(worker, conn);
    }
}

/*
 * How much the connection may have unsent. A client that does not take its output gets little more of it: it is
 * slow from the first send that was not over, or not whole, when there was more to say, until all is taken. No client gets
 * more than all connections together may still hold.
 */
static uint32_t serve_output_size_max(const struct conn *conn, const struct engine_limits *limits,
                                      uint64_t room_size) {
    uint32_t size_max = limits->output_size_max;
    uint32_t lower = conn->reply.unsent_size_lower;
    if ((conn->slow || conn->send_armed) && size_max > SLOW_OUTPUT_SIZE_MAX) {
        size_max = SLOW_OUTPUT_SIZE_MAX;
    }
    if (unlikely(room_size < size_max) && conn->reply.unsent_size + room_size < size_max) {
        size_max = (uint32_t)(conn->reply.unsent_size + room_size);
    }
    return lower > 0 && lower < size_max ? lower : size_max;
}

/* All connections together hold what they may: nobody is served any more in this turn. */
static void serve_defer(struct worker *worker, struct conn *conn) {
    counter_add(&worker->counters.memory_pauses, 1);
    worker_queue_run(worker, conn);
    worker->turn.over = true;
}

/* A call has asked for memory that is not there, or waits for it no more. */
static void __attribute__((cold))
serve_note_wanted(struct worker *worker, struct conn *conn, const struct progress *progress) {
    bool waits = progress->memory_wanted_size > 0 && progress->next == PROTOCOL_NEXT_LATER;
    memory_note_waiting(worker, conn, waits);
    if (progress->memory_wanted_size > 0) {
        shed_want(worker, progress->memory_wanted_size);
    }
}

/* What a call has used up, holds and has cost. */
static inline_always void serve_note_progress(struct worker *worker, struct conn *conn,
                                              const struct progress *progress) {
    input_consume(&conn->input, progress->consumed);
    if (unlikely(conn_input_throttled(conn)) &&
        input_size(&conn->input) <= unread_size_max(worker, conn) / 2) {
        unread_release(worker, conn);
    }
    conn->next = (uint8_t)progress->next;
    if (unlikely(progress->next == PROTOCOL_NEXT_AGAIN)) {
        conn_note_received(conn, worker->now_ns, progress->consumed);
    } else {
        conn->received_us = 0;
    }
    if (unlikely(progress->memory_size != conn->session_memory_size)) {
        conn->session_memory_size = (uint32_t)progress->memory_size;
        worker_charge(worker, conn); /* the next call of this turn sees it */
    }
    if (progress->consumed > 0 || progress->requests > 0) {
        conn->active_ms = worker->now_ms;
    }
    conn->costly = (uint8_t)(progress->work >= PROTOCOL_WORK_COSTLY ? CONN_COSTLY_CALLS
                                                                    : conn->costly - (conn->costly > 0));
    conn->has_asked = turn_note_asker(&worker->turn, conn->has_asked, progress->requests > 0);
    counter_add(&worker->counters.requests, progress->requests);
    turn_count(&worker->turn, progress->requests + progress->work);
    memory_publish(worker);
    if (unlikely(progress->memory_wanted_size > 0 || conn->awaits_room)) {
        serve_note_wanted(worker, conn, progress);
    }
}

/* One call of on_input. */
static void serve_conn(struct worker *worker, struct conn *conn) {
    if (conn->state != CONN_OPEN || conn_output_throttled(conn)) {
        return;
    }
    struct bytes bytes = input_bytes(&conn->input);
    if (bytes.size == 0 && conn->next != PROTOCOL_NEXT_AGAIN) {
        if (unlikely(conn_input_throttled(conn))) {
            unread_release(worker, conn); /* it was deferred with nothing unread: nothing else would do it */
        }
        worker_queue_arm(worker, conn); /* it was in the queue, maybe the last thing its end waited for */
        return;
    }
    uint64_t room_size = memory_room_size(worker);
    if (unlikely(room_size == 0)) {
        serve_defer(worker, conn);
        return;
    }
    const struct worker_listen *listen = worker_listen(worker, conn);
    const struct protocol_input input = {
        .bytes = bytes,
        .ended = conn->input_ended && !conn_wire_waits(conn),
        .requests_max = listen->limits->requests_per_round_max,
        .now_ns = worker->now_ns,
        .received_ns = conn_received_ns(conn, worker->now_ns),
        .memory_size_max = conn->session_memory_size + memory_session_room(worker, conn),
        .memory_may_wait = memory_may_wait(worker, conn),
    };
    conn->reply.unsent_size_max = serve_output_size_max(conn, listen->limits, room_size);
    struct progress progress =
        listen->protocol->on_input(conn->session, &input, &conn->reply, listen->context);
    assert(progress.consumed <= bytes.size && progress.requests <= input.requests_max);
    assert(progress.memory_size <= UINT32_MAX / 2);
    serve_note_progress(worker, conn, &progress);
    worker_queue_arm(worker, conn);
    if (unlikely(conn->reply.broken)) {
        close_begin(worker, conn, CLOSE_NO_MEMORY);
    } else if (reply_closing(&conn->reply)) {
        close_by_protocol(worker, conn);
    } else if (progress.next == PROTOCOL_NEXT_AGAIN) {
        serve_again(worker, conn, progress.requests == input.requests_max);
    } else {
        serve_more(worker, conn);
    }
}

/* Plain bytes came; they stay in place until the end of the turn. */
static void serve_take(struct worker *worker, struct conn *conn, struct bytes bytes) {
    if (!input_can_borrow(&conn->input, bytes.data) && conn->queued[CONN_QUEUE_RUN] && !worker->turn.over &&
        conn->costly == 0) {
        /*
         * A second piece in one turn, elsewhere in memory: serve the first now rather than copy it (values on
         * their way in). What is left of an earlier turn waits for this piece, and is not served without it.
         */
        serve_conn(worker, conn);
    }
    if (conn->state != CONN_OPEN) {
        return;
    }
    if (!unread_append(worker, conn, &conn->input, bytes)) {
        return;
    }
    unread_throttle(worker, conn);
    if (conn_output_throttled(conn)) {
        unread_keep(worker, conn);
        if (conn->recv_armed) {
            conn->wanted |= WANT_RECV_STOP; /* the first cancel may have missed it */
            worker_queue_arm(worker, conn);
        }
        return;
    }
    worker_queue_run(worker, conn);
}

static const struct filter_sink serve_sink = {.opened = accept_open_session, .take = serve_take};

/* Bytes of it wait for its filter. */
static void serve_filtered_conn(struct worker *worker, struct conn *conn) {
    if (conn_filter_waits(conn)) {
        return; /* it was in the queue before it began to wait */
    }
    if (conn->state == CONN_OPEN && unlikely(memory_room_size(worker) == 0)) {
        serve_defer(worker, conn);
        return;
    }
    if (conn_is_live(conn)) {
        wire_turn(worker, conn, &serve_sink);
    }
    serve_conn(worker, conn);
    if (!conn_is_live(conn)) {
        return;
    }
    if (conn_wire_waits(conn) && !conn_filter_waits(conn)) {
        worker_queue_run(worker, conn);
    }
    bool asks =
        conn->next == PROTOCOL_NEXT_INPUT || input_size(&conn->input) <= unread_size_max(worker, conn) / 2;
    if (conn_input_throttled(conn) && asks) {
        unread_release(worker, conn);
    }
}

/* The memory that the waiting requests need is asked for before the first of them is executed. */
static void serve_prefetch(struct worker *worker) {
    if (worker->run.first == worker->run.last) {
        return; /* with one connection there is nothing to overlap with */
    }
    for (uint32_t index = worker->run.first; index != CONN_NONE;) {
        struct conn *conn = conn_at(&worker->conns, index);
        index = conn->queue_next[CONN_QUEUE_RUN];
        const struct worker_listen *listen = worker_listen(worker, conn);
        if (listen->protocol->prefetch != NULL && conn->state == CONN_OPEN) {
            listen->protocol->prefetch(conn->session, input_bytes(&conn->input), listen->context);
        }
    }
}

/* What was not served in this turn. While connections together hold what they may, no more is read of these. */
static void serve_keep_rest(struct worker *worker, const struct conn_queue *queue) {
    bool is_full = memory_room_size(worker) == 0;
    for (uint32_t index = queue->first; index != CONN_NONE;) {
        struct conn *conn = conn_at(&worker->conns, index);
        index = conn->queue_next[CONN_QUEUE_RUN];
        unread_keep(worker, conn);
        if (unlikely(is_full) && conn->state == CONN_OPEN) {
            conn->throttled |= THROTTLED_INPUT;
            unread_stop_recv(conn);
            worker_queue_arm(worker, conn);
        }
    }
}

/* Serves once every connection that is in the queue now, while the turn lasts. */
static inline_always void serve_round(struct worker *worker, struct conn_queue *queue) {
    uint32_t last = queue->last;
    struct conn *conn;
    while (!worker->turn.over && (conn = conn_queue_pop(&worker->conns, queue, CONN_QUEUE_RUN)) != NULL) {
        if (unlikely(conn_wire_waits(conn))) {
            serve_filtered_conn(worker, conn);
        } else {
            serve_conn(worker, conn);
        }
        if (conn->index == last) {
            break;
        }
    }
}

static inline_always void serve_rounds(struct worker *worker, struct conn_queue *queue) {
    for (int round = 0; round < TURN_ROUNDS_MAX && !worker->turn.over && !conn_queue_empty(queue); round++) {
        serve_round(worker, queue);
    }
}

/* What was answered is on its way before the costly requests are looked at. Buffers go back first, for receives that found none. */
static void serve_send_answers(struct worker *worker) {
    serve_keep_rest(worker, &worker->run_costly);
    worker->transport->return_buffers(worker);
    worker->plain_used_size = 0;
    arm_turn(worker);
    worker->transport->wait(worker, 0);
}

/* Those whose requests take long: one of them in any case. */
static void serve_costly(struct worker *worker, bool answered) {
    if (answered) {
        serve_send_answers(worker);
    }
    uint64_t mark = turn_costly_begin(&worker->turn);
    serve_rounds(worker, &worker->run_costly);
    turn_costly_end(&worker->turn, mark);
    serve_keep_rest(worker, &worker->run_costly);
    serve_keep_rest(worker,
                    &worker->run); /* one whose last call behind others this was has gone over there */
}

void serve_turn(struct worker *worker) {
    bool answered = !conn_queue_empty(&worker->run);
    if (answered) {
        serve_prefetch(worker);
        serve_rounds(worker, &worker->run);
        if (unlikely(memory_room_size(worker) == 0)) {
            shed_turn(worker); /* who is closed needs nothing kept */
        }
        serve_keep_rest(worker, &worker->run);
        turn_note_others(&worker->turn, worker->now_ns);
    }
    if (likely(conn_queue_empty(&worker->run_costly))) {
        return;
    }
    if (turn_costly_rests_ns(&worker->turn, worker->now_ns) > 0) {
        serve_keep_rest(worker, &worker->run_costly);
    } else {
        serve_costly(worker, answered);
    }
}

void serve_on_recv(struct worker *worker, struct conn *conn, struct bytes bytes) {
    counter_add(&worker->counters.bytes_read, bytes.size);
    counter_add(&worker->counters.recvs, 1);
    /* What it sent before waits for its turn: a small piece was what was left of a buffer. */
    conn->recv_heavy =
        bytes.size >= RECV_HEAVY_SIZE_MIN || (unlikely(conn->recv_heavy) && conn->queued[CONN_QUEUE_RUN]);
    if (!conn_is_live(conn)) {
        return; /* what comes after the last reply is dropped */
    }
    if (unlikely(conn->filter_offset != 0)) {
        wire_take(worker, conn, bytes, &serve_sink);
        return;
    }
    serve_take(worker, conn, bytes);
}

void serve_on_recv_end(struct worker *worker, struct conn *conn, int error) {
    if (error < 0) {
        close_begin(worker, conn, CLOSE_ERROR);
        return;
    }
    conn->input_ended = true;
    worker_queue_arm(worker, conn);
}

/*
 * Receives take buffers in the order in which they are armed. First those that send little, then those that send much and
 * found no buffer, then those that have received in this turn: one client that sends a lot would take all, turn after
 * turn, and a hundred of them would let one with a small request wait for all.
 */
void serve_on_recv_idle(struct worker *worker, struct conn *conn) {
    if (conn->state != CONN_CLOSING) {
        unread_start_recv(conn);
        conn->recv_behind = (uint8_t)(conn->queued[CONN_QUEUE_RUN] ? 2 : conn->recv_heavy);
    }
    worker_queue_arm(worker, conn);
}

/* The client takes its output again: parse what waits, receive more. */
static void serve_resume(struct worker *worker, struct conn *conn) {
    conn->throttled &= (uint8_t)~THROTTLED_OUTPUT;
    unread_start_recv(conn);
    worker_queue_run(worker, conn);
}

void serve_on_sent(struct worker *worker, struct conn *conn, int64_t result) {
    timeouts_unwatch(worker, conn);
    worker_queue_arm(worker, conn);
    if (conn->state == CONN_CLOSING) {
        return;
    }
    if (result < 0) {
        close_begin(worker, conn, CLOSE_ERROR);
        return;
    }
    if ((size_t)result < conn->sending_size) {
        counter_add(&worker->counters.sends_short, 1);
        conn->slow = true;
    }
    counter_add(&worker->counters.bytes_written, (uint64_t)result);
    conn_output_sent(conn, (size_t)result);
    conn->slow = conn->slow && conn->reply.unsent_size > 0;
    if (conn->state == CONN_OPENING) {
        return; /* its time runs from its beginning */
    }
    conn->active_ms =
        worker->now_ms; /* a client that takes a long answer for longer than the idle time-out is not idle */
    if (conn_output_throttled(conn) && conn->reply.unsent_size <= conn->reply.unsent_size_max / 2) {
        serve_resume(worker, conn);
    } else if (unlikely(conn->next == PROTOCOL_NEXT_AGAIN) && !reply_has_file(&conn->reply)) {
        worker_queue_run(worker, conn); /* requests behind a file have waited for its end */
    }
}
