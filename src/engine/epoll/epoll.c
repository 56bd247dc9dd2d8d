/* SPDX-License-Identifier: MIT
 *
 * epoll: the same engine on readiness instead of completions: for kernels and sandboxes without io_uring, and
 * to measure against.
 *
 * Level-triggered. A receive goes into a buffer of the worker, next to those of other connections of the same
 * turn, so that requests are looked at and answered in batches here, too. A send is tried at once; EPOLLOUT
 * is asked for only when the socket is full. in_flight stays 0: the kernel never holds memory of ours.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "accept.h"
#include "close.h"
#include "engine_state.h"
#include "epoll.h"
#include "failure.h"
#include "riposte/check.h"
#include "riposte/clock.h"
#include "riposte/log.h"
#include "send_file.h"
#include "serve.h"

enum {
    EPOLL_EVENTS_MAX = 512,          /* of one turn */
    EPOLL_ACCEPTS_MAX = 64,          /* of one listener and turn */
    EPOLL_PIECES_MAX = 64,           /* of one send */
    EPOLL_RECV_SIZE_MAX = 64 * 1024, /* of one connection and turn */
    EPOLL_RECV_SIZE_MIN = 4 * 1024,  /* with less room left, connections wait for the next turn */
    EPOLL_RECV_SHARE_MIN = 8 * 1024, /* of one connection and turn, when many have something to say */
};

struct epoll {
    int fd;
    int events_count;  /* of the last wait */
    int events_next;   /* the first of them that is not yet reaped */
    size_t used_size;  /* of `buffer` this turn */
    size_t share_size; /* of it for one connection this turn */
    struct epoll_event events[EPOLL_EVENTS_MAX];
    size_t buffer_size;
    char buffer[]; /* what this turn has received, of all connections */
};

static struct epoll *epoll_of(const struct worker *worker) {
    return worker->transport_state;
}

size_t epoll_memory_size(size_t turn_buffer_size) {
    return sizeof(struct epoll) + turn_buffer_size;
}

static int epoll_watch(const struct epoll *epoll, int operation, int fd, uint32_t events, uint64_t tag) {
    struct epoll_event event = {.events = events, .data.u64 = tag};
    return epoll_ctl(epoll->fd, operation, fd, &event) < 0 ? -errno : 0;
}

static int epoll_open(struct worker *worker, struct engine_error *error) {
    size_t buffer_size = worker->engine->sizes.turn_buffer_size;
    /* Not zeroed: pages of the buffer that no turn has filled yet take no memory. */
    struct epoll *epoll = malloc(epoll_memory_size(buffer_size));
    int result = epoll == NULL ? -ENOMEM : 0;
    if (result == 0) {
        *epoll = (struct epoll){.fd = epoll_create1(EPOLL_CLOEXEC), .buffer_size = buffer_size};
        result = epoll->fd < 0 ? -errno : 0;
    }
    if (result == 0) {
        result = epoll_watch(epoll, EPOLL_CTL_ADD, worker->wake_fd, EPOLLIN, tag_pack(OP_WAKE, 0, 0));
        if (result < 0) {
            close(epoll->fd);
        }
    }
    if (result < 0) {
        free(epoll);
        error->error = result;
        snprintf(error->message, sizeof(error->message), "epoll cannot be set up: %s; %s", strerror(-result),
                 result == -ENOMEM ? FAILURE_MEMORY_CURE : "raise LimitNOFILE or lower -c");
        return result;
    }
    worker->transport_state = epoll;
    return 0;
}

static void epoll_close(struct worker *worker) {
    struct epoll *epoll = epoll_of(worker);
    close(epoll->fd);
    free(epoll);
    worker->transport_state = NULL;
}

/* --- what the worker asks for --------------------------------------------------------------------------- */

static void epoll_update(struct worker *worker, struct conn *conn) {
    uint32_t wanted = (conn->recv_armed ? EPOLLIN : 0u) | (conn->send_armed ? EPOLLOUT : 0u);
    if (conn->epoll.known && wanted == conn->epoll.events) {
        return;
    }
    const struct epoll *epoll = epoll_of(worker);
    uint64_t tag = tag_pack(OP_RECV, conn->generation, conn->index);
    int operation = conn->epoll.known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int result = epoll_watch(epoll, operation, conn->fd, wanted, tag);
    if (result == -EEXIST) { /* epoll_let_go */
        result = epoll_watch(epoll, EPOLL_CTL_MOD, conn->fd, wanted, tag);
    }
    if (result < 0) {
        /* ENOMEM, ENOSPC (fs.epoll.max_user_watches): this connection cannot be served. */
        close_begin(worker, conn, CLOSE_NO_MEMORY);
        return;
    }
    conn->epoll.known = true;
    conn->epoll.events = (uint8_t)wanted;
}

static void epoll_send(struct worker *worker, struct conn *conn) {
    if (unlikely(conn_output_has_file(conn))) {
        conn->send_armed = send_file(worker, conn) == SEND_FILE_FULL;
        return;
    }
    struct iovec pieces[EPOLL_PIECES_MAX];
    unsigned count = conn_output_iov(conn, pieces, EPOLL_PIECES_MAX, &conn->sending_size);
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
    /* NOSIGNAL: a client that is gone is EPIPE. DONTWAIT: a socket from another process may be in blocking mode. */
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    ssize_t sent;
    if (count == 1) {
        sent = send(conn->fd, pieces[0].iov_base, pieces[0].iov_len, flags);
        counter_add(&worker->counters.sends_plain, 1);
    } else {
        sent = sendmsg(conn->fd, &message, flags);
        counter_add(&worker->counters.sends_gathered, 1);
    }
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        conn->send_armed = true;
        return;
    }
    serve_on_sent(worker, conn, sent < 0 ? -errno : sent);
}

static bool epoll_arm(struct worker *worker, struct conn *conn) {
    unsigned wanted = conn->wanted;
    conn->wanted = 0;
    if ((wanted & WANT_RECV_STOP) != 0) {
        conn->recv_armed = false;
    }
    if ((wanted & WANT_RECV) != 0 && !conn->input_ended) {
        conn->recv_armed = true;
    }
    if ((wanted & WANT_SEND) != 0 && !conn->send_armed && conn_has_output(conn)) {
        epoll_send(worker, conn);
    }
    if (conn->state != CONN_CLOSING) {
        epoll_update(worker, conn);
    }
    return true;
}

static bool epoll_arm_accept(struct worker *worker, struct listener *listener) {
    /* EXCLUSIVE: a shared socket is watched by several workers; one of them is woken, not all (4.5). */
    uint32_t events = listener->is_shared ? EPOLLIN | EPOLLEXCLUSIVE : EPOLLIN;
    uint32_t number = (uint32_t)(listener - worker->listeners);
    /* A client may be gone between the event and the accept, which must not wait for the next one. */
    listener_set_nonblocking(listener->fd);
    int result =
        epoll_watch(epoll_of(worker), EPOLL_CTL_ADD, listener->fd, events, tag_pack(OP_ACCEPT, 0, number));
    if (result < 0) { /* ENOMEM, ENOSPC: tried again, after a pause if need be */
        accept_on_error(worker, listener, result);
        return false;
    }
    listener->armed = true;
    counter_add(&worker->counters.accept_arms, 1);
    return true;
}

static void epoll_stop_accept(struct worker *worker, struct listener *listener) {
    int result = epoll_watch(epoll_of(worker), EPOLL_CTL_DEL, listener->fd, 0, 0);
    assert(result == 0 || result == -ENOENT);
    listener->armed = false;
}

/*
 * It stays watched, of which nobody hears any more: with thousands of connections the calls would take long, while all clients wait. Should
 * this worker go on with it, it is found there (epoll_update); else the watching ends with the process.
 */
static bool epoll_let_go(struct worker *worker, struct conn *conn) {
    (void)worker;
    conn->epoll.known = false;
    return true;
}

/* Open files stay watched where another process has them, too (epoll(7)): their events would come without end. A new set has none. */
static void epoll_forget(struct worker *worker) {
    struct epoll *epoll = epoll_of(worker);
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        return; /* ENFILE, ENOMEM: they are found to be strays, for the short time that is left */
    }
    close(epoll->fd);
    epoll->fd = fd;
    epoll->events_count = epoll->events_next = 0;
    int failed = epoll_watch(epoll, EPOLL_CTL_ADD, worker->wake_fd, EPOLLIN, tag_pack(OP_WAKE, 0, 0));
    (void)failed; /* it looks every few ms anyway (loop_wait_ns) */
}

static void epoll_close_fd(struct worker *worker, int fd) {
    (void)worker;
    close(fd); /* also ends watching */
}

/* --- waiting and events --------------------------------------------------------------------------------- */

static void epoll_poll(struct worker *worker, int timeout_ms) {
    struct epoll *epoll = epoll_of(worker);
    if (epoll->events_next < epoll->events_count) {
        return;
    }
    counter_add(&worker->counters.enters, 1);
    int count = epoll_wait(epoll->fd, epoll->events, EPOLL_EVENTS_MAX, timeout_ms);
    epoll->events_count = count > 0 ? count : 0; /* EINTR: nothing yet */
    epoll->events_next = 0;
}

static bool epoll_ready(struct worker *worker) {
    epoll_poll(worker, 0);
    const struct epoll *epoll = epoll_of(worker);
    return epoll->events_next < epoll->events_count;
}

static void epoll_wait_for(struct worker *worker, uint64_t timeout_ns) {
    if (timeout_ns == TRANSPORT_WAIT_FOREVER) {
        epoll_poll(worker, -1);
        return;
    }
    uint64_t timeout_ms = (timeout_ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;
    epoll_poll(worker, timeout_ms < INT32_MAX ? (int)timeout_ms : INT32_MAX);
}

static void epoll_on_accept(struct worker *worker, struct listener *listener) {
    for (int i = 0; i < EPOLL_ACCEPTS_MAX && listener->armed; i++) {
        /* NONBLOCK: for sendfile(2), which has no flag that says so. */
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            accept_on_connection(worker, listener, fd);
        } else if (errno == EAGAIN) {
            return;
        } else {
            accept_on_error(worker, listener, -errno);
        }
    }
}

/* The buffer is shared by all that have something to say: a small request waits behind few large pieces. */
static size_t epoll_share_size(const struct epoll *epoll) {
    size_t count = (size_t)(epoll->events_count - epoll->events_next);
    size_t size = epoll->buffer_size / (count > 0 ? count : 1);
    size = size > EPOLL_RECV_SHARE_MIN ? size : EPOLL_RECV_SHARE_MIN;
    return size < EPOLL_RECV_SIZE_MAX ? size : EPOLL_RECV_SIZE_MAX;
}

/* False when the turn's buffer has no room left: the event stays for the next turn. */
static bool epoll_on_readable(struct worker *worker, struct conn *conn) {
    struct epoll *epoll = epoll_of(worker);
    size_t room = epoll->buffer_size - epoll->used_size;
    if (room < EPOLL_RECV_SIZE_MIN) {
        return false;
    }
    char *data = epoll->buffer + epoll->used_size;
    /* DONTWAIT: as in epoll_send. */
    ssize_t size = recv(conn->fd, data, room < epoll->share_size ? room : epoll->share_size, MSG_DONTWAIT);
    if (size > 0) {
        epoll->used_size += (size_t)size;
        serve_on_recv(worker, conn, bytes_of(data, (size_t)size));
        return true;
    }
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    int error = size < 0 ? -errno : 0;
    conn->recv_armed = false;
    serve_on_recv_end(worker, conn, error); /* most end with their input: closing ends watching, too */
    return true;
}

static bool epoll_on_conn(struct worker *worker, struct conn *conn, uint32_t events) {
    if (conn->state == CONN_CLOSING) {
        return true;
    }
    if ((events & EPOLLOUT) != 0 && conn->send_armed) {
        conn->send_armed = false;
        worker_queue_arm(worker, conn);
    }
    /*
     * A hang-up is reported whether asked for or not; requests that a throttled connection's peer left behind
     * are still served.
     */
    bool left_behind = conn->throttled == THROTTLED_INPUT && !conn->input_ended;
    if ((conn->recv_armed || left_behind) && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        return epoll_on_readable(worker, conn);
    }
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        /* Reported whether asked for or not: the peer is gone while we were not reading. */
        serve_on_recv_end(worker, conn, -ECONNRESET);
    } else if ((events & EPOLLIN) != 0) {
        epoll_update(worker, conn); /* its input has ended, and it has not: it is not watched for any more */
    }
    return true;
}

static void epoll_on_wake(struct worker *worker) {
    uint64_t count;
    ssize_t size = read(worker->wake_fd, &count, sizeof(count));
    (void)size; /* EAGAIN: emptied by an earlier look */
    worker->woken = true;
}

/* False when there is no room to go on in this turn. */
static bool epoll_on_event(struct worker *worker, const struct epoll_event *event) {
    uint64_t tag = event->data.u64;
    if (tag_op(tag) == OP_ACCEPT) {
        epoll_on_accept(worker, &worker->listeners[tag_index(tag)]);
        return true;
    }
    if (tag_op(tag) == OP_WAKE) {
        epoll_on_wake(worker);
        return true;
    }
    struct conn *conn = conn_find(&worker->conns, tag);
    if (unlikely(conn == NULL)) {
        counter_add(&worker->counters.completions_stray, 1);
        return true;
    }
    return epoll_on_conn(worker, conn, event->events);
}

static void epoll_reap(struct worker *worker) {
    struct epoll *epoll = epoll_of(worker);
    int first = epoll->events_next;
    epoll->share_size = epoll_share_size(epoll);
    /*
     * What there is no room for is reaped next turn, before the next wait: that one would report the same
     * connections first again.
     */
    while (epoll->events_next < epoll->events_count &&
           epoll_on_event(worker, &epoll->events[epoll->events_next])) {
        epoll->events_next++;
    }
    counter_add(&worker->counters.completions, (uint64_t)(epoll->events_next - first));
}

static void epoll_return_buffers(struct worker *worker) {
    epoll_of(worker)->used_size = 0;
}

const struct transport transport_epoll = {
    .name = "epoll",
    .sockets_nonblocking = true,
    .open = epoll_open,
    .close = epoll_close,
    .arm = epoll_arm,
    .arm_accept = epoll_arm_accept,
    .stop_accept = epoll_stop_accept,
    .let_go = epoll_let_go,
    .forget = epoll_forget,
    .close_fd = epoll_close_fd,
    .ready = epoll_ready,
    .wait = epoll_wait_for,
    .reap = epoll_reap,
    .return_buffers = epoll_return_buffers,
};
