/* SPDX-License-Identifier: MIT
 *
 * adopt: checks a record before its engine serves, and makes the connection when it does.
 */
#include "adopt.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "accept.h"
#include "adopted_file.h"
#include "close.h"
#include "conn_record.h"
#include "engine_state.h"
#include "filter.h"
#include "lent.h"
#include "riposte/engine_move.h"
#include "serve.h"
#include "timeouts.h"

/* --- before the workers serve ----------------------------------------------------------------------------- */

/* Which listen it came from, here; listens_count: none that can have it. A filter is past for one that is past its last reply. */
static unsigned adopt_find_listen(const struct engine *engine, const struct conn_record *record) {
    unsigned i = 0;
    for (; i < engine->config.listens_count; i++) {
        const struct engine_listen *listen = &engine->listens[i];
        bool fits = record->state != CONN_OPEN || listen->filter == NULL;
        if (fits && bytes_equal_string(record->listen, engine->listen_texts[i]) &&
            bytes_equal_string(record->protocol, listen->protocol->name)) {
            break;
        }
    }
    return i;
}

/* What the protocol must be able to read. */
static bool adopt_session_is_good(const struct protocol *protocol, const struct conn_record *record) {
    if (record->state != CONN_OPEN) {
        return true;
    }
    return protocol->session_check != NULL && protocol->session_check(record->session);
}

/* ADOPTED where nothing speaks against it; *record is valid then. */
static enum engine_adoption adopt_check(const struct engine *engine, const struct engine_moved *moved,
                                        struct conn_record *record) {
    if (!conn_record_read(moved->record, record) || (record->file_size > 0) != (moved->file_fd >= 0)) {
        return ENGINE_ADOPT_BAD;
    }
    unsigned listen = adopt_find_listen(engine, record);
    if (listen == engine->config.listens_count) {
        return ENGINE_ADOPT_UNKNOWN;
    }
    return adopt_session_is_good(engine->listens[listen].protocol, record) ? ENGINE_ADOPTED
                                                                           : ENGINE_ADOPT_BAD;
}

enum engine_adoption engine_adopt(struct engine *engine, unsigned worker_index,
                                  const struct engine_moved *moved) {
    assert(worker_index < engine->workers_count);
    struct worker *worker = engine->workers[worker_index];
    struct conn_record record;
    enum engine_adoption outcome = adopt_check(engine, moved, &record);
    if (outcome != ENGINE_ADOPTED) {
        return outcome;
    }
    if (worker->frozen.count >= worker->conns.capacity) {
        return ENGINE_ADOPT_FULL;
    }
    struct frozen_conn frozen = {.fd = moved->fd,
                                 .file_fd = moved->file_fd,
                                 .quiet = conn_record_is_quiet(&record),
                                 .values_count = conn_record_values_count(&record)};
    char *copy = record_reserve(&frozen.record, moved->record.size);
    if (copy == NULL) {
        return ENGINE_ADOPT_NO_MEMORY;
    }
    memcpy(copy, moved->record.data, moved->record.size);
    if (!frozen_add(&worker->frozen, &frozen)) {
        record_discard(&frozen.record);
        return ENGINE_ADOPT_NO_MEMORY;
    }
    return ENGINE_ADOPTED;
}

const char *engine_adoption_text(enum engine_adoption adoption) {
    switch (adoption) {
    case ENGINE_ADOPTED:
        break;
    case ENGINE_ADOPT_BAD:
        return "its record is damaged or of another version";
    case ENGINE_ADOPT_UNKNOWN:
        return "its address is not listened on here, or with another protocol";
    case ENGINE_ADOPT_FULL:
        return "there are as many connections as -c allows";
    case ENGINE_ADOPT_NO_MEMORY:
        return "memory has ended";
    }
    return "adopted";
}

/* --- when they do ----------------------------------------------------------------------------------------- */

/* The unsent part of a file. The descriptor is taken over. */
static void adopt_file(struct reply *reply, const struct conn_record *record, int fd) {
    struct reply_file *file = adopted_file_create(fd);
    if (file == NULL) {
        close(fd);
        reply_break(reply);
        return;
    }
    reply_send_file(reply, file, record->file_offset, (size_t)record->file_size);
}

/* The value of that index, whose pin is the reply's from now on. */
static void adopt_value(struct reply *reply, const struct frozen_conn *frozen, uint32_t index) {
    if (index < frozen->pins_count) {
        reply_pin(reply, frozen->pins[index].bytes, frozen->release, frozen->pins[index].owner);
    } else {
        reply_break(reply);
    }
}

static void adopt_output(struct conn *conn, const struct conn_record *record, struct frozen_conn *frozen) {
    struct conn_record_walk walk = conn_record_walk(record);
    uint32_t values_count = 0;
    for (struct conn_record_piece piece; (piece = conn_record_next(&walk)).kind != CONN_RECORD_END;) {
        if (piece.kind == CONN_RECORD_BYTES) {
            reply_copy(&conn->reply, piece.bytes);
        } else if (piece.kind == CONN_RECORD_FILE) {
            adopt_file(&conn->reply, record, frozen->file_fd);
        } else {
            adopt_value(&conn->reply, frozen, values_count++);
        }
    }
    frozen->pins_count = 0; /* all are the reply's */
    conn->reply.unsent_size_lower = record->output_lower;
    if (record->state != CONN_OPEN) {
        reply_close(&conn->reply);
    }
}

/* False when memory ends. One without unread bytes takes none. */
static bool adopt_input(struct conn *conn, struct bytes input) {
    return input.size == 0 || input_append_copied(&conn->input, input) == 0;
}

/* The session is what it was. False where it may not be, or memory ends. */
static bool adopt_session(struct worker *worker, struct conn *conn, const struct conn_record *record) {
    const struct worker_listen *listen = worker_listen(worker, conn);
    struct protocol_loaded loaded = {.next = conn->next};
    if (conn->state != CONN_OPEN) {
        return true;
    }
    const struct filter_peer with = filter_peer(worker, conn);
    if (!listen->protocol->session_load(conn->session, &with.peer, record->session, &loaded,
                                        listen->context)) {
        return false;
    }
    conn->introduced = true;
    conn->session_memory_size = (uint32_t)loaded.memory_size;
    conn->next = (uint8_t)loaded.next;
    return true;
}

static void adopt_count(struct worker *worker, const struct conn *conn) {
    counter_set(&worker->counters.connections_slots, worker->conns.used_count);
    counter_add(&worker->counters.connections_moved, 1);
    if (conn->counted) {
        counter_add(&worker->counters.connections_current, 1);
        /* relaxed: see accept_take_place. */
        atomic_fetch_add_explicit(&worker_listen(worker, conn)->group->connections_count, 1,
                                  memory_order_relaxed);
    }
}

static void adopt_describe(const struct worker *worker, struct conn *conn, const struct conn_record *record) {
    conn->state = record->state;
    conn->reason = record->reason;
    conn->next = record->next;
    conn->is_unix = record->is_unix;
    conn->counted = record->counted;
    conn->told = record->told;
    conn->input_ended = record->input_ended;
    conn->active_ms = worker->now_ms - record->quiet_ms;
    conn->wanted = record->input_ended ? 0 : WANT_RECV;
    conn->reply.unsent_size_max = worker_listen(worker, conn)->limits->output_size_max;
}

/* The mode is the open file's, which both engines have; nothing waits for a socket that says it must not, whichever transport uses it. */
static void adopt_socket(const struct worker *worker, struct conn *conn, bool nonblocking) {
    if (!worker->transport->sockets_nonblocking) {
        conn->uring.nonblocking = nonblocking;
    } else if (!nonblocking) {
        int failed = fcntl(conn->fd, F_SETFL, O_RDWR | O_NONBLOCK);
        (void)failed; /* every call on it says MSG_DONTWAIT, but sendfile(2) */
    }
}

/* What it waits for goes on. Input that was looked at already is looked at again: a protocol takes what it has seen with more behind it. */
static void adopt_go_on(struct worker *worker, struct conn *conn, bool quiet) {
    if (conn->state == CONN_OPEN && (input_size(&conn->input) > 0 || conn->next == PROTOCOL_NEXT_AGAIN)) {
        worker_queue_run(worker, conn);
    }
    if (conn->state == CONN_LINGERING) {
        timeouts_watch_linger(worker, conn);
    }
    worker_charge(worker, conn);
    conn_queue_push(&worker->conns, quiet ? &worker->arm_later : &worker->arm, conn, CONN_QUEUE_ARM);
}

/* What is being sent stays until the client has taken it: most have by now. */
static void adopt_sent(struct worker *worker, struct conn *conn, const struct conn_record *record) {
    if (record->sent_size == 0) {
        return;
    }
    conn->sending_size = (uint32_t)record->sent_size;
    if (!conn->reply.broken && lent_is_taken(conn->fd)) {
        serve_on_sent(worker, conn, conn->sending_size);
    } else {
        timeouts_watch_sent(worker, conn);
    }
}

static void adopt_conn(struct worker *worker, struct frozen_conn *frozen) {
    struct conn_record record;
    bool good = conn_record_read(bytes_of(frozen->record.data, frozen->record.size), &record);
    struct conn *conn = conn_open(&worker->conns, frozen->fd);
    assert(good && conn != NULL); /* engine_adopt has looked, and a worker's own have fitted before */
    (void)good;
    conn->listen = (uint8_t)adopt_find_listen(worker->engine, &record);
    conn->reply.pool = &worker->reply_pool;
    adopt_describe(worker, conn, &record);
    adopt_count(worker, conn);
    adopt_socket(worker, conn, record.nonblocking);
    adopt_output(conn, &record, frozen);
    adopt_sent(worker, conn, &record);
    bool has_memory = !conn->reply.broken && adopt_input(conn, record.input);
    if (!has_memory) {
        close_begin(worker, conn, CLOSE_NO_MEMORY);
    } else if (!adopt_session(worker, conn, &record)) {
        close_begin(worker, conn, CLOSE_HANDED_OVER);
    }
    adopt_go_on(worker, conn, frozen->quiet && conn->state == CONN_OPEN);
}

void adopt_turn(struct worker *worker) {
    struct frozen *frozen = &worker->frozen;
    for (uint32_t i = 0; i < frozen->count; i++) {
        adopt_conn(worker, &frozen->conns[i]);
        record_discard(&frozen->conns[i].record);
        frozen_unpin(&frozen->conns[i]);
    }
    frozen_discard(frozen, frozen->count);
}
