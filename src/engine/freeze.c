/* SPDX-License-Identifier: MIT
 *
 * freeze: waits until sessions can be saved, takes back what the kernel holds, and writes each connection down.
 *
 * Why no byte is lost or sent twice: a receive that is cancelled has either brought its bytes, which are input by the time its last
 * completion is reaped, or left them in the socket, where the other engine finds them; a send that is cancelled says how many bytes
 * the kernel took. So a connection is written down only when in_flight is 0.
 */
#include "freeze.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "accept.h"
#include "close.h"
#include "drain.h"
#include "engine_state.h"
#include "failover.h"
#include "moved.h"
#include "riposte/clock.h"
#include "riposte/engine_move.h"
#include "stay.h"
#include "timeouts.h"

enum {
    FREEZE_READY_MS =
        20, /* for sessions that cannot be saved yet, and for last words to those who cannot be moved */
    FREEZE_GOODBYE_MS = 10, /* of these, to find a moment at which nothing of them is unanswered */
    FREEZE_HELD_MS = 1000,  /* without one that the kernel gives up; then their connections are closed, */
    FREEZE_MOST_MS = 2000,  /* or after so long: a machine may have much to do */
    FREEZE_ASK_MS = 10, /* a cancel may miss (https://github.com/axboe/liburing/issues/1375): asked again */
    FREEZE_WAIT_MS = 1,
    FREEZE_LOOKS_MAX = 64,
    FREEZE_VALUE_SIZE = 24 + sizeof(struct frozen_pin), /* of one, in the record and beside it */
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
    while (asked->held_end > asked->unasked_count && conn_at(conns, asked->held_end - 1)->in_flight == 0) {
        asked->held_end--;
    }
    uint32_t held_count = asked->unasked_count;
    for (uint32_t index = asked->unasked_count; index < asked->held_end; index++) {
        held_count += conn_at(conns, index)->in_flight > 0;
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
        if (conn->state != CONN_FREE && conn->in_flight > 0) {
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
        if (now_ns - moved_ns >= FREEZE_ASK_MS * CLOCK_NS_PER_MS &&
            now_ns - asked_ns >= FREEZE_ASK_MS * CLOCK_NS_PER_MS) {
            asked_ns = now_ns;
            asked = freeze_ask_all(worker);
        }
    }
}

/* --- a connection becomes a record ------------------------------------------------------------------------ */

/* What a connection's output is written down as. */
struct freeze_output {
    struct record_writer before; /* bytes before the file */
    struct record_writer behind; /* bytes behind it */
    struct record_writer values;
    uint64_t position; /* bytes of all of it */
    int file_fd;       /* owned; -1: none */
    uint64_t file_offset;
    uint64_t file_size;
};

bool freeze_take_room(struct worker *worker, size_t size) {
    struct engine *engine = worker->engine;
    /* relaxed: only the number matters, nothing is published through it. */
    uint64_t before_size = atomic_fetch_add_explicit(&engine->frozen_size, size, memory_order_relaxed);
    if (before_size + size <= engine->config.conn_memory_size_max) {
        return true;
    }
    atomic_fetch_sub_explicit(&engine->frozen_size, size, memory_order_relaxed);
    return false;
}

/* The file that goes next, which is the only one (reply_send_file): as a descriptor. */
static bool freeze_file(struct reply *reply, struct freeze_output *output) {
    size_t size;
    const struct reply_file *file = reply_first_file(reply, &output->file_offset, &size);
    assert(output->file_fd < 0);
    output->file_fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
    output->file_size = size;
    reply_sent(reply, size);
    return output->file_fd >= 0;
}

/* The bytes that go next. */
static bool freeze_copy(struct worker *worker, struct reply *reply, struct freeze_output *output) {
    struct iovec piece;
    size_t size;
    unsigned count = reply_iov(reply, &piece, 1, &size);
    struct record_writer *to = output->file_fd < 0 ? &output->before : &output->behind;
    char *room = freeze_take_room(worker, size) ? record_reserve(to, size) : NULL;
    if (room == NULL || count == 0) {
        return false;
    }
    memcpy(room, piece.iov_base, size);
    reply_sent(reply, size);
    return true;
}

/* The pinned bytes that go next, where both engines have them: the pin is the frozen connection's. False: they are to be copied. */
static bool freeze_value(struct worker *worker, struct reply *reply, struct freeze_output *output,
                         struct frozen_conn *frozen) {
    const struct engine_shared *shared = worker->engine->shared;
    struct reply_pinned pinned;
    uint64_t offset;
    if (shared == NULL || !reply_first_pinned(reply, &pinned) || pinned.release != shared->release ||
        !shared->offset_of(shared->user, pinned.bytes, &offset) ||
        !freeze_take_room(worker, FREEZE_VALUE_SIZE) ||
        !frozen_pin_add(frozen, (struct frozen_pin){pinned.bytes, pinned.owner})) {
        return false;
    }
    frozen->release = shared->release;
    frozen->values_count++;
    moved_put_value(&output->values, output->position, offset, pinned.bytes.size);
    reply_take_pinned(reply);
    return true;
}

/* Writes down what is unsent, piece by piece, and releases it. False: there is no room for it. */
static bool freeze_output(struct worker *worker, struct reply *reply, struct freeze_output *output,
                          struct frozen_conn *frozen) {
    bool good = true;
    while (good && reply->unsent_size > 0) {
        uint64_t offset;
        size_t size, before_size = reply->unsent_size;
        if (reply_first_file(reply, &offset, &size) != NULL) {
            good = freeze_file(reply, output);
        } else if (!freeze_value(worker, reply, output, frozen)) {
            good = freeze_copy(worker, reply, output);
        }
        output->position += before_size - reply->unsent_size;
    }
    return good && !output->values.broken;
}

static struct bytes record_bytes(const struct record_writer *writer) {
    return bytes_of(writer->data, writer->size);
}

/* All of it but the output and the session. */
static struct moved freeze_describe(const struct worker *worker, const struct conn *conn) {
    return (struct moved){
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
    struct moved moved = freeze_describe(worker, conn);
    struct record_writer session = {0};
    bool good = freeze_session(worker, conn, &session);
    moved.told = conn->told;
    moved.listen = bytes_from_string(worker->engine->listen_texts[conn->listen]);
    moved.session = record_bytes(&session);
    moved.output = record_bytes(&output->before);
    moved.output_rest = record_bytes(&output->behind);
    moved.values = record_bytes(&output->values);
    moved.file_offset = output->file_offset;
    moved.file_size = output->file_size;
    bool fits = moved_write(&frozen->record, &moved);
    frozen->record.broken |= !good;
    frozen->quiet = moved_is_quiet(&moved);
    record_discard(&session);
    return fits;
}

/* The record and the descriptor go to the list; the slot is free. */
static void freeze_conn(struct worker *worker, struct conn *conn) {
    struct freeze_output output = {.file_fd = -1};
    struct frozen_conn frozen = {.fd = conn->fd};
    bool has_room = freeze_output(worker, (struct reply *)(uintptr_t)conn_output(conn), &output, &frozen) &&
                    freeze_write(worker, conn, &output, &frozen);
    record_discard(&output.before);
    record_discard(&output.behind);
    record_discard(&output.values);
    frozen.file_fd = output.file_fd;
    if (has_room && !frozen.record.broken && frozen_add(&worker->frozen, &frozen)) {
        input_discard(&conn->input);
        timeouts_unwatch(worker, conn);
        close_detach(worker, conn);
        return;
    }
    if (output.file_fd >= 0) {
        close(output.file_fd);
    }
    record_discard(&frozen.record);
    frozen_unpin(&frozen);
    close_begin(worker, conn, has_room ? CLOSE_NO_MEMORY : CLOSE_CONN_MEMORY);
    close_finish(worker, conn);
}

/* --- the end ---------------------------------------------------------------------------------------------- */

/* Those that are not ready hear the end, behind what was answered: it is too late for more. */
static void freeze_end_late(struct worker *worker) {
    for (uint32_t index = 0; index < worker->conns.used_count; index++) {
        struct conn *conn = conn_at(&worker->conns, index);
        if (conn->state == CONN_OPEN && !freeze_is_ready(worker, conn)) {
            close_flush(worker, conn, CLOSE_HANDED_OVER);
        } else if (conn->state == CONN_CLOSING) {
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
        if (conn->state == CONN_FREE) {
            continue;
        }
        if (freeze_can_move(worker, conn)) {
            freeze_conn(worker, conn);
        } else {
            stay(worker, conn);
        }
    }
    worker->transport->wait(worker, 0); /* descriptors that are being closed are on their way */
}
