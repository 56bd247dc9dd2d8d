/* SPDX-License-Identifier: MIT
 *
 * freeze: waits until sessions can be saved, takes back what the kernel holds, and writes each connection down.
 *
 * Why no byte is lost or sent twice: a receive that is cancelled has either brought its bytes, which are input by the time its last
 * completion is reaped, or left them in the socket, where the other engine finds them; a send that is cancelled says how many bytes
 * the kernel took. So a connection is written down only when in_flight is 0, or the kernel has said how many bytes it took and sends them
 * from where they are (lent.h).
 */
#include "freeze.h"

#include <unistd.h>

#include "accept.h"
#include "close.h"
#include "conn_record.h"
#include "drain.h"
#include "engine_state.h"
#include "failover.h"
#include "freeze_output.h"
#include "lent.h"
#include "retain.h"
#include "riposte/clock.h"
#include "riposte/engine_move.h"
#include "timeouts.h"

enum {
    FREEZE_READY_MS =
        20, /* for sessions that cannot be saved yet, and for last words to those who cannot be moved */
    FREEZE_GOODBYE_MS = 10, /* of these, to find a moment at which nothing of them is unanswered */
    FREEZE_HELD_MS = 1000,  /* without one that the kernel gives up; then their connections are closed, */
    FREEZE_MOST_MS = 2000,  /* or after so long: a machine may have much to do. */
    FREEZE_LOST_MS =
        1000,           /* Those it has not given up then have lost a completion (EBADR), and stay closing */
    FREEZE_ASK_MS = 10, /* a cancel may miss (https://github.com/axboe/liburing/issues/1375): asked again */
    FREEZE_WAIT_MS = 1,
    FREEZE_LOOKS_MAX = 64,
};

/* --- until all can be saved ------------------------------------------------------------------------------- */

void freeze_begin(struct worker *worker) {
    if (worker->stage != WORKER_SERVING) {
        return;
    }
    worker->stage = WORKER_FREEZING;
    worker->drain_began_ms = worker->now_ms;
    accept_halt(worker);
}

/* Its bytes are plain, and its protocol can write it down. One that is past its last reply is only bytes, once its filter has finished. */
static bool freeze_can_move(const struct worker *worker, struct conn *conn) {
    switch ((enum conn_state)conn->state) {
    case CONN_FREE:
    case CONN_OPENING:
    case CONN_CLOSING:
        return false;
    case CONN_OPEN:
        return conn->filter_offset == 0 && worker_listen(worker, conn)->protocol->session_save != NULL;
    case CONN_FLUSHING:
        return conn->filter_offset == 0 || (conn_filter(conn)->finished && conn->reply.unsent_size == 0);
    case CONN_LINGERING:
        return true;
    }
    return false;
}

static bool freeze_is_ready(const struct worker *worker, struct conn *conn) {
    const struct protocol *protocol = worker_listen(worker, conn)->protocol;
    return freeze_can_move(worker, conn) && (conn->state != CONN_OPEN || protocol->session_ready == NULL ||
                                             protocol->session_ready(conn->session));
}

/* One that cannot be moved: nothing of it should be unanswered when it hears the end. */
static void freeze_say_goodbye(struct worker *worker, struct conn *conn) {
    bool is_late = timeout_passed(worker->now_ms, worker->drain_began_ms + FREEZE_GOODBYE_MS);
    if (conn->state == CONN_OPEN && drain_is_answered(conn)) {
        drain_say_goodbye(worker, conn, CLOSE_HANDED_OVER);
    } else if (conn->state == CONN_OPEN && is_late) {
        close_flush(worker, conn, CLOSE_HANDED_OVER);
    }
}

/* A handshake is not waited for: it goes on afterwards, in this process (drain_part). */
static bool freeze_may_begin(const struct worker *worker, struct conn *conn) {
    return conn->state == CONN_OPENING || freeze_is_ready(worker, conn);
}

/* The last accept is still being taken back; the ring may have had no room for the cancel, or it has missed. */
static void freeze_ask_accepts(struct worker *worker) {
    if (timeout_passed(worker->now_ms, worker->drain_began_ms + FREEZE_ASK_MS)) {
        worker->drain_began_ms = worker->now_ms;
        accept_halt(worker);
    }
}

void freeze_turn(struct worker *worker) {
    bool all_ready = true;
    if (worker->stage == WORKER_FROZEN) {
        freeze_ask_accepts(worker);
        return;
    }
    for (uint32_t index = 0; index < worker->conns.used_count; index++) {
        struct conn *conn = conn_at(&worker->conns, index);
        if (conn->state == CONN_FREE || conn->state == CONN_CLOSING) {
            continue;
        }
        if (!freeze_can_move(worker, conn)) {
            freeze_say_goodbye(worker, conn);
        }
        all_ready = freeze_may_begin(worker, conn) && all_ready;
    }
    if (all_ready || timeout_passed(worker->now_ms, worker->drain_began_ms + FREEZE_READY_MS)) {
        worker->stage = WORKER_FROZEN;
        worker->drain_began_ms = worker->now_ms;
    }
}

/* --- until the kernel holds nothing ----------------------------------------------------------------------- */

/* The other engine keeps in place what is being sent from there. */
static bool freeze_shares_sent(const struct worker *worker) {
    const struct engine_shared *shared = worker->engine->shared;
    return shared != NULL && shared->keeps_sent;
}

/*
 * The kernel is to give up something of it first. Bytes that it sends from where they are (lent.h) go over so, or, where a filter stands before
 * the connection, stay with it.
 */
static bool freeze_awaits(const struct worker *worker, const struct conn *conn) {
    bool is_lent = conn->in_flight > 0 && worker->transport->lent_size(conn) > 0;
    return conn->in_flight > 0 && !(is_lent && (conn->filter_offset != 0 || freeze_shares_sent(worker)));
}

/* How far the kernel was asked: of slots 0 to unasked_count - 1 not yet, and of those from held_end on it holds nothing any more. */
struct freeze_asked {
    uint32_t unasked_count;
    uint32_t held_end;
};

static struct freeze_asked freeze_ask_all(const struct worker *worker) {
    return (struct freeze_asked){worker->conns.used_count, worker->conns.used_count};
}

/*
 * Asks for what the kernel holds, as far as there is room. Returns of how many slots it holds something, or was not asked yet.
 *
 * From the last slot down, which is from the newest request to the oldest, more or less: a ring looks for a request among others in the
 * same list, newest first (io_poll_find, Linux 6.18), so that of thousands each one is found at once.
 */
static uint32_t freeze_let_go(struct worker *worker, struct freeze_asked *asked) {
    struct conn_table *conns = &worker->conns;
    while (asked->unasked_count > 0) {
        struct conn *conn = conn_at(conns, asked->unasked_count - 1);
        if (conn->state != CONN_FREE && !worker->transport->let_go(worker, conn)) {
            break;
        }
        asked->unasked_count--;
    }
    while (asked->held_end > asked->unasked_count &&
           !freeze_awaits(worker, conn_at(conns, asked->held_end - 1))) {
        asked->held_end--;
    }
    uint32_t held_count = asked->unasked_count;
    for (uint32_t index = asked->unasked_count; index < asked->held_end; index++) {
        held_count += freeze_awaits(worker, conn_at(conns, index));
    }
    return held_count;
}

/* What has come meanwhile outlives the receive buffers. */
static void freeze_keep(struct worker *worker) {
    for (uint32_t index = 0; index < worker->conns.used_count; index++) {
        struct conn *conn = conn_at(&worker->conns, index);
        bool keeps = conn->input.borrowed_size == 0 || input_detach(&conn->input) == 0;
        bool is_filtered = conn->state != CONN_FREE && conn->filter_offset != 0;
        if (!keeps || (is_filtered && input_detach(&conn_filter(conn)->wire) < 0)) {
            close_begin(worker, conn, CLOSE_NO_MEMORY);
        }
    }
    worker->transport->return_buffers(worker);
}

/* A shutdown completes every request, but for a zero-copy send whose bytes the client has not taken; that one is disconnected (close.c). */
static void freeze_close_held(struct worker *worker) {
    for (uint32_t index = 0; index < worker->conns.used_count; index++) {
        struct conn *conn = conn_at(&worker->conns, index);
        if (conn->state != CONN_FREE && freeze_awaits(worker, conn)) {
            close_begin(worker, conn, CLOSE_HANDED_OVER);
        }
    }
}

/* A ring brings twenty completions each time it is entered (Linux 6.14 and later): as many times as it has some, before all are looked at. */
static void freeze_look(struct worker *worker) {
    worker->transport->wait(worker, FREEZE_WAIT_MS * CLOCK_NS_PER_MS);
    worker->transport->reap(worker);
    for (int looks = 1; looks < FREEZE_LOOKS_MAX && worker->transport->ready(worker); looks++) {
        worker->transport->wait(worker, 0);
        worker->transport->reap(worker);
    }
}

static void freeze_await_kernel(struct worker *worker) {
    uint64_t began_ns = clock_monotonic_ns(), asked_ns = began_ns, moved_ns = began_ns;
    uint64_t read_size = counter_read(&worker->counters.bytes_read);
    struct freeze_asked asked = freeze_ask_all(worker);
    uint32_t least = UINT32_MAX, held_count;
    worker->turn.over = true; /* what comes is kept and not served */
    while ((held_count = freeze_let_go(worker, &asked)) > 0 && !worker->transport_failed) {
        freeze_look(worker);
        if (counter_read(&worker->counters.bytes_read) != read_size) {
            read_size = counter_read(&worker->counters.bytes_read);
            freeze_keep(worker);
        }
        uint64_t now_ns = clock_monotonic_ns();
        if (held_count < least) {
            least = held_count;
            moved_ns = now_ns;
        }
        if (now_ns - moved_ns >= FREEZE_HELD_MS * CLOCK_NS_PER_MS ||
            now_ns - began_ns >= FREEZE_MOST_MS * CLOCK_NS_PER_MS) {
            freeze_close_held(worker);
        }
        if (now_ns - began_ns >= (FREEZE_MOST_MS + FREEZE_LOST_MS) * CLOCK_NS_PER_MS) {
            break;
        }
        if (now_ns - moved_ns >= FREEZE_ASK_MS * CLOCK_NS_PER_MS &&
            now_ns - asked_ns >= FREEZE_ASK_MS * CLOCK_NS_PER_MS) {
            asked_ns = now_ns;
            asked = freeze_ask_all(worker);
        }
    }
}

/* --- a connection becomes a record ------------------------------------------------------------------------ */

static struct bytes record_bytes(const struct record_writer *writer) {
    return bytes_of(writer->data, writer->size);
}

/* All of it but the output and the session. */
static struct conn_record freeze_describe(const struct worker *worker, const struct conn *conn) {
    return (struct conn_record){
        .state = conn->state,
        .reason = conn->reason,
        .next = conn->next,
        .is_unix = conn->is_unix,
        .nonblocking = worker->transport->sockets_nonblocking || conn->uring.nonblocking,
        .counted = conn->counted,
        .told = conn->told,
        .input_ended = conn->input_ended,
        .quiet_ms = worker->now_ms - conn->active_ms,
        .output_lower = conn->reply.unsent_size_lower,
        .protocol = bytes_from_string(worker_listen(worker, conn)->protocol->name),
        .input = conn->state == CONN_OPEN ? input_bytes(&conn->input) : bytes_of(NULL, 0),
    };
}

static bool freeze_session(struct worker *worker, struct conn *conn, struct record_writer *session) {
    const struct worker_listen *listen = worker_listen(worker, conn);
    if (conn->state == CONN_FLUSHING) {
        close_tell(worker, conn);
    } else if (conn->state == CONN_OPEN) {
        listen->protocol->session_save(conn->session, session, listen->context);
        conn->introduced = false; /* it hears no more of this one */
    }
    return !session->broken;
}

/* Writes the connection down; its record is broken when memory ends. False: a record has no room for it. */
static bool freeze_write(struct worker *worker, struct conn *conn, const struct freeze_output *output,
                         struct frozen_conn *frozen) {
    struct conn_record record = freeze_describe(worker, conn);
    struct record_writer session = {0};
    bool good = freeze_session(worker, conn, &session);
    record.told = conn->told;
    record.listen = bytes_from_string(worker->engine->listen_texts[conn->listen]);
    record.session = record_bytes(&session);
    record.output = record_bytes(&output->before);
    record.output_rest = record_bytes(&output->behind);
    record.values = record_bytes(&output->values);
    record.file_offset = output->file_offset;
    record.file_size = output->file_size;
    record.sent_size = output->sent_size;
    bool fits = conn_record_write(&frozen->record, &record);
    frozen->record.broken |= !good;
    frozen->quiet = conn_record_is_quiet(&record);
    record_discard(&session);
    return fits;
}

/* What the kernel sends from where it is, for this engine or for the one before. */
static uint32_t freeze_sent_size(const struct worker *worker, const struct conn *conn) {
    if (conn_waits_for_sent(conn)) {
        return conn->sending_size;
    }
    return conn->in_flight > 0 ? worker->transport->lent_size(conn) : 0;
}

/* Writes its output, session and all else down. False: there is no room. */
static bool freeze_save(struct worker *worker, struct conn *conn, struct reply *lent,
                        struct freeze_output *output, struct frozen_conn *frozen) {
    struct reply *reply = conn->in_flight > 0 ? lent : (struct reply *)(uintptr_t)conn_output(conn);
    if (output->sent_size > 0 && !freeze_shares_sent(worker)) {
        return false; /* a build that would not keep it in place */
    }
    if (reply == lent && !reply_lend(lent_last(&worker->lent), lent, worker->engine->shared->release)) {
        return false;
    }
    return freeze_output(worker, reply, output, frozen) && freeze_write(worker, conn, output, frozen);
}

/* The slot can be free: what the kernel still sends is with worker.lent. */
static void freeze_forget_send(struct conn *conn) {
    conn->in_flight = 0;
    conn->send_armed = false;
}

/* The record and the descriptor go to the list; the slot is free. */
static void freeze_conn(struct worker *worker, struct conn *conn) {
    struct freeze_output output = {.file_fd = -1, .sent_size = freeze_sent_size(worker, conn)};
    struct frozen_conn frozen = {.fd = conn->fd};
    struct reply lent = {.unsent_size_max = UINT32_MAX, .pool = &worker->reply_pool};
    if (conn->in_flight > 0 && !lent_add(&worker->lent, tag_pack(OP_SEND, conn->generation, conn->index),
                                         (struct reply *)(uintptr_t)conn_output(conn))) {
        close_begin(worker, conn, CLOSE_NO_MEMORY);
        return; /* until its last completion */
    }
    bool has_room = freeze_save(worker, conn, &lent, &output, &frozen);
    record_discard(&output.before);
    record_discard(&output.behind);
    record_discard(&output.values);
    frozen.file_fd = output.file_fd;
    if (has_room && !frozen.record.broken && frozen_add(&worker->frozen, &frozen)) {
        input_discard(&conn->input);
        timeouts_unwatch(worker, conn);
        freeze_forget_send(conn);
        close_detach(worker, conn);
        return;
    }
    close_begin(worker, conn, has_room ? CLOSE_NO_MEMORY : CLOSE_CONN_MEMORY); /* nothing is sent any more */
    if (output.file_fd >= 0) {
        close(output.file_fd);
    }
    record_discard(&frozen.record);
    frozen_unpin(&frozen);
    reply_discard(&lent);
    freeze_forget_send(conn);
    close_finish(worker, conn);
}

/* --- the end ---------------------------------------------------------------------------------------------- */

/* Those that are not ready hear the end, behind what was answered: it is too late for more. */
static void freeze_end_late(struct worker *worker) {
    for (uint32_t index = 0; index < worker->conns.used_count; index++) {
        struct conn *conn = conn_at(&worker->conns, index);
        if (conn->state == CONN_OPEN && !freeze_is_ready(worker, conn)) {
            close_flush(worker, conn, CLOSE_HANDED_OVER);
        } else if (conn->state == CONN_CLOSING && conn->in_flight == 0) {
            close_finish(worker, conn);
        }
    }
}

void freeze_end(struct worker *worker) {
    freeze_await_kernel(worker);
    if (worker->transport_failed && !failover_turn(worker)) {
        return; /* it has closed them */
    }
    freeze_end_late(worker);
    /* No session is saved while another worker may do what that session is to hear of. */
    start_meet(&worker->engine->start, worker->engine->workers_count);
    for (uint32_t index = 0; index < worker->conns.used_count; index++) {
        struct conn *conn = conn_at(&worker->conns, index);
        if (conn->state == CONN_FREE || conn->state == CONN_CLOSING) {
            continue; /* the kernel has yet to let go of one that is closed */
        }
        if (freeze_can_move(worker, conn) && (conn->in_flight == 0 || freeze_shares_sent(worker))) {
            freeze_conn(worker, conn);
        } else {
            retain_conn(worker, conn);
        }
    }
    worker->transport->wait(worker, 0); /* descriptors that are being closed are on their way */
}
