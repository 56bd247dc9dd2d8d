/* SPDX-License-Identifier: MIT
 *
 * filter: takes a connection's bytes through its filter, in both directions.
 */
#include "filter.h"

#include <assert.h>
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine_state.h"

#include "riposte/check.h"
#include "timeouts.h"

enum {
    /* Bytes of one connection between filter and wire: four records of TLS. */
    FILTER_OUTPUT_SIZE_MAX = 64 * 1024,
    FILTER_PIECES_MAX = 16,           /* of a reply, looked at in one go */
    FILTER_FILE_SIZE_MAX = 16 * 1024, /* bytes of a file read in one go: a record of TLS */
    /* Bytes with which a unit of work is not much: large records cost less than others for what they bring. */
    FILTER_WORK_SIZE = 4096,
    /* With less room left in the worker's buffer, plain bytes of this turn are copied out first. */
    FILTER_PLAIN_SIZE_MIN = 4096,
};

struct filter_progress filter_open(struct worker *worker, struct conn *conn) {
    const struct worker_listen *listen = worker_listen(worker, conn);
    struct conn_filter *own = conn_filter(conn);
    own->output.unsent_size_max = FILTER_OUTPUT_SIZE_MAX;
    own->output.pool = &worker->reply_pool;
    struct filter_progress progress = {.next = FILTER_NEXT_INPUT};
    if (listen->filter->open != NULL) {
        progress = listen->filter->open(own->state, &own->output, listen->filter_context);
    }
    own->held_size = (uint32_t)progress.memory_size;
    own->finished = progress.next == FILTER_NEXT_BROKEN;
    worker_queue_arm(worker, conn);
    return progress;
}

/* Where the next plain bytes go: behind those of this turn; NULL when the buffer is full. */
static char *filter_room(struct worker *worker, size_t *size) {
    size_t left = WORKER_PLAIN_SIZE - worker->plain_used_size;
    *size = left;
    return left < FILTER_PLAIN_SIZE_MIN ? NULL : worker->plain + worker->plain_used_size;
}

/* One call of receive. In a full buffer, plain bytes go through one that is copied from at once. */
static struct filter_progress filter_step(struct worker *worker, struct conn *conn, struct bytes wire,
                                          const struct filter_sink *sink) {
    const struct worker_listen *listen = worker_listen(worker, conn);
    struct conn_filter *own = conn_filter(conn);
    char copied[FILTER_PLAIN_SIZE_MIN];
    size_t size = 0;
    char *room = filter_room(worker, &size);
    char *plain = room == NULL ? copied : room;
    size_t plain_size_max = room == NULL ? sizeof(copied) : size;
    struct filter_progress progress = listen->filter->receive(own->state, wire, plain, plain_size_max,
                                                              &own->output, listen->filter_context);
    assert(progress.consumed <= wire.size && progress.plain_size <= plain_size_max);
    worker->plain_used_size += room == NULL ? 0 : progress.plain_size;
    own->held_size = (uint32_t)progress.memory_size;
    if (unlikely(conn->state == CONN_OPENING) && !progress.opening && progress.next != FILTER_NEXT_BROKEN) {
        sink->opened(worker, conn);
    }
    if (progress.plain_size > 0) {
        sink->take(worker, conn, bytes_of(plain, progress.plain_size));
    }
    if (room == NULL && conn->input.borrowed_size > 0 && input_detach(&conn->input) < 0) {
        conn->reply.broken = true;
    }
    return progress;
}

/* --- what waits for another thread ------------------------------------------------------------------------ */

static void filter_wait(struct worker *worker, struct conn *conn) {
    struct conn_filter *own = conn_filter(conn);
    assert(conn->state == CONN_OPENING && !own->waits);
    own->waits = true;
    own->waits_previous = CONN_NONE;
    own->waits_next = worker->filter_waits;
    if (own->waits_next != CONN_NONE) {
        conn_filter(conn_at(&worker->conns, own->waits_next))->waits_previous = conn->index;
    }
    worker->filter_waits = conn->index;
}

static void filter_wait_end(struct worker *worker, struct conn *conn) {
    struct conn_filter *own = conn_filter(conn);
    if (!own->waits) {
        return;
    }
    own->waits = false;
    if (own->waits_previous == CONN_NONE) {
        worker->filter_waits = own->waits_next;
    } else {
        conn_filter(conn_at(&worker->conns, own->waits_previous))->waits_next = own->waits_next;
    }
    if (own->waits_next != CONN_NONE) {
        conn_filter(conn_at(&worker->conns, own->waits_next))->waits_previous = own->waits_previous;
    }
}

void filter_wake(struct worker *worker) {
    for (uint32_t index = worker->filter_waits; index != CONN_NONE;) {
        struct conn *conn = conn_at(&worker->conns, index);
        struct conn_filter *own = conn_filter(conn);
        index = own->waits_next;
        if (conn_is_live(conn) && worker_listen(worker, conn)->filter->ready(own->state)) {
            filter_wait_end(worker, conn);
            own->again = true; /* it is called although nothing may have come */
            worker_queue_run(worker, conn);
        }
    }
}

/* --- what comes ------------------------------------------------------------------------------------------- */

enum filter_next filter_receive(struct worker *worker, struct conn *conn, struct bytes *wire,
                                const struct filter_sink *sink) {
    struct conn_filter *own = conn_filter(conn);
    struct filter_progress progress = {.next = FILTER_NEXT_AGAIN};
    unsigned work = 0, work_max = FILTER_WORK_MAX + (unsigned)(wire->size / FILTER_WORK_SIZE);
    own->again = true; /* whoever asks meanwhile: there may be more */
    while (progress.next == FILTER_NEXT_AGAIN && work < work_max && conn_is_live(conn) &&
           !conn->reply.broken) {
        progress = filter_step(worker, conn, *wire, sink);
        *wire = bytes_after(*wire, progress.consumed);
        work += progress.work;
    }
    own->again = progress.next == FILTER_NEXT_AGAIN && conn_is_live(conn);
    own->finished |= progress.next == FILTER_NEXT_BROKEN; /* it has said what there was to say */
    if (unlikely(progress.next == FILTER_NEXT_LATER) && conn_is_live(conn)) {
        filter_wait(worker, conn);
    }
    worker->turn.filter_work += work;
    worker_queue_arm(worker, conn);
    return progress.next;
}

/* --- what goes -------------------------------------------------------------------------------------------- */

/* The next bytes of a file into `piece`: 0, -EIO, or -EBUSY where they are being fetched. */
static int filter_read_file(struct worker *worker, struct conn *conn, struct iovec *piece) {
    uint64_t offset = 0;
    size_t left = 0;
    struct reply_file *file = reply_first_file(&conn->reply, &offset, &left);
    size_t size = left < FILTER_FILE_SIZE_MAX ? left : FILTER_FILE_SIZE_MAX;
    if (!reply_file_is_ready(file, offset, size)) {
        return -EBUSY;
    }
    ssize_t got = pread(file->fd, piece->iov_base, size, (off_t)offset);
    if (got <= 0) {
        counter_add(&worker->counters.files_cut, 1);
        return -EIO;
    }
    piece->iov_len = (size_t)got;
    return 0;
}

/*
 * The oldest pieces of the reply through the filter: bytes it has taken, -EIO or -EBUSY. What is of a file is read into memory of
 * this call: if the filter takes less, the rest is read again.
 */
static ssize_t filter_send_pieces(struct worker *worker, struct conn *conn) {
    const struct worker_listen *listen = worker_listen(worker, conn);
    struct conn_filter *own = conn_filter(conn);
    struct iovec pieces[FILTER_PIECES_MAX];
    char read_ahead[FILTER_FILE_SIZE_MAX];
    size_t size = 0;
    unsigned count = reply_iov(&conn->reply, pieces, FILTER_PIECES_MAX, &size);
    if (count == 0) {
        pieces[0].iov_base = read_ahead;
        int error = filter_read_file(worker, conn, &pieces[0]);
        if (error < 0) {
            return error;
        }
        size = pieces[0].iov_len;
        count = 1;
    }
    size_t taken = listen->filter->send(own->state, pieces, count, &own->output, listen->filter_context);
    assert(taken <= size);
    return (ssize_t)taken;
}

int filter_send(struct worker *worker, struct conn *conn) {
    const struct reply *output = &conn_filter(conn)->output;
    ssize_t taken = 1;
    while (taken > 0 && conn->reply.unsent_size > 0 && output->unsent_size < FILTER_OUTPUT_SIZE_MAX) {
        taken = filter_send_pieces(worker, conn);
        if (taken == -EBUSY) {
            if (output->unsent_size == 0) {
                timeouts_watch_file(worker, conn); /* else what is being sent brings the next attempt */
            }
            break;
        }
        if (taken < 0) {
            return (int)taken;
        }
        reply_sent(&conn->reply, (size_t)taken);
    }
    return output->broken ? -ENOMEM : 0;
}

bool filter_ended(struct worker *worker, struct conn *conn) {
    const struct worker_listen *listen = worker_listen(worker, conn);
    return listen->filter->ended == NULL ||
           listen->filter->ended(conn_filter(conn)->state, listen->filter_context);
}

bool filter_finish(struct worker *worker, struct conn *conn) {
    const struct worker_listen *listen = worker_listen(worker, conn);
    struct conn_filter *own = conn_filter(conn);
    if (own->finished || listen->filter->finish == NULL) {
        return false;
    }
    own->finished = true;
    listen->filter->finish(own->state, &own->output, listen->filter_context);
    return own->output.unsent_size > 0;
}

void filter_close(struct worker *worker, struct conn *conn) {
    const struct worker_listen *listen = worker_listen(worker, conn);
    struct conn_filter *own = conn_filter(conn);
    filter_wait_end(worker, conn);
    reply_discard(&own->output);
    assert(input_size(&own->wire) == 0);
    own->held_size = 0;
    if (listen->filter->close != NULL) {
        listen->filter->close(own->state, listen->filter_context);
    }
}

/* --- who it is with --------------------------------------------------------------------------------------- */

static_assert((int)FILTER_IDENTITY_SIZE_MAX == (int)PROTOCOL_IDENTITY_SIZE_MAX,
              "what a filter writes, a protocol takes");

bool filter_identity(const struct worker *worker, const struct conn *conn,
                     char text[FILTER_IDENTITY_SIZE_MAX]) {
    const struct worker_listen *listen = worker_listen(worker, conn);
    return conn->filter_offset != 0 && listen->filter->identity != NULL &&
           listen->filter->identity(conn_filter((struct conn *)(uintptr_t)conn)->state, text,
                                    listen->filter_context);
}

static bool peer_identity(const struct protocol_peer *peer, char text[PROTOCOL_IDENTITY_SIZE_MAX]) {
    const struct filter_peer *own = (const struct filter_peer *)(const void *)peer;
    return filter_identity(own->worker, own->conn, text);
}

struct filter_peer filter_peer(const struct worker *worker, const struct conn *conn) {
    return (struct filter_peer){
        .peer = {.fd = conn->fd, .identity = conn->filter_offset != 0 ? peer_identity : NULL},
        .worker = worker,
        .conn = conn};
}
