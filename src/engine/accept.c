/* SPDX-License-Identifier: MIT
 *
 * accept: how connections come in, and what happens when there is no room for one.
 *
 *      limit reached:      told so and closed (reject_when_full), or accepting pauses until one of this
 *                          worker's connections ends
 *      no descriptor:      one client is told so with the help of a spare descriptor; accepting pauses, at
 *                          most 100 ms
 *      no memory:          accepting pauses, at most 100 ms
 *      many handshakes:    listens with a filter pause until one of them is over (opening.h)
 *
 * Nothing here ends the process, and nothing spins.
 */
#include "accept.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "close.h"
#include "engine_state.h"
#include "filter.h"
#include "opening.h"
#include "riposte/check.h"

enum {
    ACCEPT_PAUSE_MS = 100,
    /* A client that has said nothing for so long gives its place up where others wait for one: many round trips. */
    ACCEPT_OPENING_GRACE_MS = 1000,
    ACCEPT_ERRORS_IN_ROW_MAX =
        8, /* then the multishot accept is given up for single ones (Linux 6.17 with ENOTSOCK for ever) */
    ACCEPT_LAST_MAX = 4096, /* connections taken over from the queues when the server stops */
};

/* --- what the operator is told ---------------------------------------------------------------------------- */

static void accept_log_open(struct worker *worker, const struct conn *conn) {
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(peer);
    char text[ADDRESS_TEXT_SIZE_MAX] = "a client that has left";
    if (conn->is_unix) {
        peer.ss_family = AF_UNIX;
    } else if (getpeername(conn->fd, (struct sockaddr *)&peer, &size) == 0) {
        address_text(&peer, text);
    }
    log_limited(&worker->engine->conn_lines, LOG_LEVEL_DEBUG, "<%d new %s connection from %s", conn->fd,
                worker_listen(worker, conn)->protocol->name, conn->is_unix ? "a Unix socket" : text);
}

static void accept_log_no_descriptor(struct worker *worker, int error) {
    log_limited(&worker->engine->error_lines, LOG_LEVEL_WARNING,
                error == -EMFILE ? "worker %u: no descriptor for a new connection (EMFILE): clients wait; "
                                   "raise LimitNOFILE or lower -c"
                                 : "worker %u: the system has no descriptor for a new connection (ENFILE): "
                                   "clients wait; raise fs.file-max",
                worker->index);
}

/* --- a place, or none ------------------------------------------------------------------------------------- */

/* Takes a place below the connection limit; false when there is none. */
static bool accept_take_place(struct engine_group *group) {
    /* relaxed: only the number matters, nothing is published through it. */
    uint32_t before = atomic_fetch_add_explicit(&group->connections_count, 1, memory_order_relaxed);
    if (before < group->limits.connections_max) {
        return true;
    }
    atomic_fetch_sub_explicit(&group->connections_count, 1, memory_order_relaxed);
    return false;
}

static struct conn *accept_open(struct worker *worker, struct listener *listener, int fd) {
    struct conn *conn = conn_open(&worker->conns, fd);
    if (conn == NULL) {
        return NULL;
    }
    counter_set(&worker->counters.connections_slots, worker->conns.used_count);
    conn->listen = listener->listen;
    conn->is_unix = listener->is_unix;
    conn->active_ms = worker->now_ms;
    conn->reply.unsent_size_max = worker->listens[listener->listen].limits->output_size_max;
    conn->reply.pool = &worker->reply_pool;
    conn->wanted = WANT_RECV;
    worker_queue_arm(worker, conn);
    return conn;
}

/* What one over the limit reads. A filter says it in its own words: opening it would cost more than there is to say. */
static struct bytes accept_reject_bytes(const struct worker_listen *listen) {
    if (listen->filter != NULL) {
        return listen->filter->reject;
    }
    const char *text = listen->protocol->reject_text;
    return bytes_from_string(text == NULL ? "" : text);
}

static void accept_send_reject_text(const struct worker *worker, const struct listener *listener, int fd) {
    struct bytes words = accept_reject_bytes(&worker->listens[listener->listen]);
    if (words.size > 0) {
        /* The socket is new, its buffer empty: the line fits, and if the client is gone nobody misses it. */
        ssize_t sent = send(fd, words.data, words.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)sent;
    }
}

/*
 * Says that there is no room. Through an ordinary connection, so that the line is not lost to a reset when
 * input is unread.
 */
static void accept_reject(struct worker *worker, struct listener *listener, int fd) {
    counter_add(&worker->counters.connections_rejected, 1);
    if (unlikely(worker->engine->logs_connections)) {
        log_limited(&worker->engine->conn_lines, LOG_LEVEL_DEBUG,
                    "<%d connection refused: there are as many as -c allows", fd);
    }
    struct conn *conn = accept_open(worker, listener, fd);
    if (conn == NULL) {
        accept_send_reject_text(worker, listener, fd);
        worker->transport->close_fd(worker, fd);
        return;
    }
    reply_copy(&conn->reply, accept_reject_bytes(worker_listen(worker, conn)));
    reply_close(&conn->reply);
    close_flush(worker, conn, CLOSE_BY_PROTOCOL);
}

/* Whether the listener is to be armed, as far as the worker is concerned. */
static bool accept_is_wanted(const struct worker *worker, const struct listener *listener) {
    bool is_crowded = worker->openings_full && worker->listens[listener->listen].filter != NULL;
    return worker->stage == WORKER_SERVING && !worker->accept_paused && !is_crowded &&
           listener->parked_fd < 0;
}

static void accept_stop(struct worker *worker, struct listener *listener) {
    listener->wanted = false;
    if (listener->armed) {
        worker->transport->stop_accept(worker, listener);
    }
}

/* Descriptors or memory have ended: no listener of this worker accepts for a while. */
static void accept_pause(struct worker *worker) {
    worker->accept_paused = true;
    worker->accept_look_ms = worker->now_ms + ACCEPT_PAUSE_MS;
    counter_add(&worker->counters.accept_backoffs, 1);
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        accept_stop(worker, &worker->listeners[i]);
    }
}

/*
 * Keeps a connection above the limit unserved until there is a place; further ones stay in the kernel's
 * queue.
 */
static void accept_park(struct worker *worker, struct listener *listener, int fd) {
    if (listener->parked_fd >= 0) {
        accept_reject(worker, listener, fd);
        return;
    }
    listener->parked_fd = fd;
    worker->parked_count++;
    worker->accept_look_ms = worker->now_ms + ACCEPT_PAUSE_MS;
    counter_add(&worker->counters.accept_backoffs, 1);
    accept_stop(worker, listener);
}

/* This worker's share of all handshakes that may be under way. */
static uint32_t accept_openings_max(const struct worker *worker) {
    uint32_t share = worker->engine->config.openings_max / worker->engine->workers_count;
    return share > 0 ? share : 1;
}

/* One that has sent nothing: it does not wait for its turn here, nor for another thread. */
static bool accept_may_close(const struct worker *worker, const struct conn *conn) {
    return !conn->queued[CONN_QUEUE_RUN] && !conn_filter_waits(conn) &&
           timeout_passed(worker->now_ms, conn->active_ms + ACCEPT_OPENING_GRACE_MS);
}

/* As many as there may be, after those have been closed that say nothing and have had their time. */
static bool accept_openings_are_full(struct worker *worker) {
    if (worker->openings_count < accept_openings_max(worker)) {
        return false;
    }
    for (uint32_t index = worker->timeouts.lists[TIMEOUT_OPENING].first; index != CONN_NONE;) {
        struct conn *conn = conn_at(&worker->conns, index);
        index = conn->timeout_next;
        if (accept_may_close(worker, conn)) {
            close_begin(worker, conn, CLOSE_OPENING);
        }
    }
    return worker->openings_count >= accept_openings_max(worker);
}

/* One more has a handshake before it: at the bound listens with a filter stop. */
static void accept_limit_openings(struct worker *worker) {
    if (worker->openings_full || !accept_openings_are_full(worker)) {
        return;
    }
    worker->openings_full = true;
    worker->accept_look_ms = worker->now_ms + ACCEPT_PAUSE_MS;
    counter_add(&worker->counters.accept_backoffs, 1);
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        if (worker->listens[worker->listeners[i].listen].filter != NULL) {
            accept_stop(worker, &worker->listeners[i]);
        }
    }
}

/* A filter stands between the connection and its protocol. */
static void accept_filter(struct worker *worker, struct conn *conn) {
    conn->filter_offset = worker->conns.filter_offset;
    struct filter_progress progress = filter_open(worker, conn);
    if (progress.next == FILTER_NEXT_BROKEN) {
        close_flush(worker, conn, CLOSE_ERROR);
    } else if (progress.opening) {
        opening_begin(worker, conn);
    }
}

/* The connection has its place: it is served from now on. */
static void accept_admit(struct worker *worker, struct listener *listener, int fd) {
    const struct worker_listen *listen = &worker->listens[listener->listen];
    struct conn *conn = accept_open(worker, listener, fd);
    if (conn == NULL) {
        /* relaxed: see accept_take_place. */
        atomic_fetch_sub_explicit(&listen->group->connections_count, 1, memory_order_relaxed);
        accept_reject(worker, listener, fd);
        return;
    }
    conn->counted = true;
    if (unlikely(worker->engine->logs_connections)) {
        accept_log_open(worker, conn);
    }
    counter_add(&worker->counters.connections_accepted, 1);
    counter_add(&worker->counters.connections_current, 1);
    if (listen->filter != NULL) {
        accept_filter(worker, conn);
        accept_limit_openings(worker);
    }
    if (conn->state == CONN_OPEN) {
        accept_open_session(worker, conn);
    }
}

void accept_open_session(struct worker *worker, struct conn *conn) {
    const struct worker_listen *listen = worker_listen(worker, conn);
    if (conn->state == CONN_OPENING) {
        opening_succeed(worker, conn);
    }
    if (unlikely(worker->is_parting)) {
        close_flush(worker, conn, CLOSE_HANDED_OVER);
        return;
    }
    conn->introduced = true;
    if (listen->protocol->on_open != NULL) {
        const struct filter_peer with = filter_peer(worker, conn);
        conn->next =
            (uint8_t)listen->protocol->on_open(conn->session, &with.peer, &conn->reply, listen->context);
        if (conn->reply.broken) {
            close_begin(worker, conn, CLOSE_NO_MEMORY);
        } else if (reply_closing(&conn->reply)) {
            close_by_protocol(worker, conn);
        }
    }
}

void accept_on_connection(struct worker *worker, struct listener *listener, int fd) {
    struct engine_group *group = worker->listens[listener->listen].group;
    listener->errors_in_row = 0;
    if (accept_take_place(group)) {
        accept_admit(worker, listener, fd);
    } else if (group->limits.reject_when_full || worker->stage != WORKER_SERVING) {
        accept_reject(worker, listener, fd);
    } else {
        accept_park(worker, listener, fd);
    }
    listener->wanted = !listener->armed && accept_is_wanted(worker, listener);
}

/* Out of descriptors: gives the spare one to a waiting client, so that it gets a word instead of silence. */
static void accept_with_spare(struct worker *worker, struct listener *listener) {
    if (worker->spare_fd < 0 || listener->is_shared) {
        return; /* a shared socket's client may go to another worker, and the accept would wait */
    }
    close(worker->spare_fd);
    int fd = listener_accept_now(listener->fd, true);
    if (fd >= 0) {
        counter_add(&worker->counters.connections_rejected, 1);
        accept_send_reject_text(worker, listener, fd);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    worker->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_handle_error(struct worker *worker, struct listener *listener, int error) {
    counter_add(&worker->counters.accept_errors, 1);
    listener->errors_in_row++;
    switch (-error) {
    case EMFILE:
    case ENFILE:
        accept_log_no_descriptor(worker, error);
        accept_with_spare(worker, listener);
        accept_pause(worker);
        return;
    case ENOMEM:
    case ENOBUFS:
        accept_pause(worker);
        return;
    case ECONNABORTED: /* the client left before it was accepted */
    case EINTR:
    case EAGAIN:
        return;
    case EINVAL: /* a kernel without multishot accept */
        listener->single_shot = true;
        break;
    default:
        break;
    }
    if (listener->errors_in_row >= ACCEPT_ERRORS_IN_ROW_MAX) {
        listener->single_shot = true;
        accept_pause(worker);
    }
}

void accept_on_error(struct worker *worker, struct listener *listener, int error) {
    if (error != -ECANCELED) {
        accept_handle_error(worker, listener, error);
    }
    listener->wanted = !listener->armed && accept_is_wanted(worker, listener);
}

/* Serves the parked connections that there is a place for. */
static void accept_admit_parked(struct worker *worker) {
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        struct listener *listener = &worker->listeners[i];
        int fd = listener->parked_fd;
        if (fd >= 0 && accept_take_place(worker->listens[listener->listen].group)) {
            listener->parked_fd = -1;
            worker->parked_count--;
            accept_admit(worker, listener, fd);
        }
    }
}

static void accept_resume(struct worker *worker) {
    worker->accept_paused = false;
    worker->openings_full = accept_openings_are_full(worker);
    accept_admit_parked(worker);
    worker->accept_look_ms = worker->now_ms + ACCEPT_PAUSE_MS;
    if (worker->spare_fd < 0) {
        worker->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        struct listener *listener = &worker->listeners[i];
        listener->wanted = !listener->armed && accept_is_wanted(worker, listener);
    }
}

void accept_turn(struct worker *worker) {
    bool due = worker->place_freed || timeout_passed(worker->now_ms, worker->accept_look_ms);
    worker->place_freed = false;
    if (due && worker_accept_waits(worker) && worker->stage == WORKER_SERVING) {
        accept_resume(worker);
    }
}

static void accept_drain_queue(struct worker *worker, struct listener *listener) {
    bool nonblocking = worker->transport->sockets_nonblocking;
    listener_set_nonblocking(listener->fd);
    for (unsigned count = 0; count < ACCEPT_LAST_MAX; count++) {
        int fd = listener_accept_now(listener->fd, nonblocking);
        if (fd == -ECONNABORTED || fd == -EINTR) {
            continue;
        }
        if (fd < 0) {
            return;
        }
        accept_on_connection(worker, listener, fd);
    }
}

/* Closing a listener resets what waits in its queue: it is taken first (src/engine/README.md, "Stop"). */
static void accept_close(struct worker *worker, struct listener *listener) {
    accept_drain_queue(worker, listener);
    if (!listener->is_unix) {
        /* Refuses further clients at once, also while an accept request still holds the file. */
        shutdown(listener->fd, SHUT_RD);
    }
}

void accept_halt(struct worker *worker) {
    worker->accept_paused = false;
    worker->openings_full = false;
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        struct listener *listener = &worker->listeners[i];
        int fd = listener->parked_fd;
        if (fd >= 0) {
            struct engine_group *group = worker->listens[listener->listen].group;
            listener->parked_fd = -1;
            worker->parked_count--;
            /* relaxed: see accept_take_place. */
            atomic_fetch_add_explicit(&group->connections_count, 1, memory_order_relaxed);
            accept_admit(worker, listener, fd);
        }
        accept_stop(worker, listener);
    }
}

void accept_last(struct worker *worker, bool close_listeners) {
    worker->accept_paused = false;
    worker->openings_full = false;
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        struct listener *listener = &worker->listeners[i];
        if (listener->parked_fd >= 0) {
            accept_reject(worker, listener, listener->parked_fd);
            listener->parked_fd = -1;
            worker->parked_count--;
        }
        accept_stop(worker, listener);
        if (close_listeners && !listener->is_inherited) {
            accept_close(worker, listener);
        }
    }
}
