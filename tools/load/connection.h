/* SPDX-License-Identifier: MIT
 *
 * connection: one connection of the load and what the kernel does for it.
 *
 *      CLOSED --connection_connect--> CONNECTING --connected--> OPEN --connection_begin_close--> CLOSING
 *        ^                                                                                          |
 *        +---------------------------- in_flight == 0: closed, generation + 1 ----------------------+
 *
 * in_flight: requests of this connection that the kernel has not completed. The descriptor is closed exactly
 * when it reaches 0. Requests that wait for replies stand in a ring in the order in which they were sent;
 * replies come in the same order.
 *
 * Only the thread of the client that owns it touches a connection.
 */
#ifndef LOAD_CONNECTION_H
#define LOAD_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "buffers.h"
#include "output.h"
#include "reader.h"
#include "ring.h"
#include "scenario.h"
#include "tag.h"

enum connection_state { CONNECTION_CLOSED, CONNECTION_CONNECTING, CONNECTION_OPEN, CONNECTION_CLOSING };

/* A request that was encoded and not yet answered. */
struct pending {
    uint64_t intended_ns;
    struct request request;
    bool measured; /* intended within the window */
};

struct connection {
    enum connection_state state;
    int fd; /* owned; -1 exactly while CLOSED */
    uint32_t index;
    uint32_t generation;
    unsigned in_flight;
    bool sending;      /* a send is with the kernel: output must not change */
    bool send_quiet;   /* ... and is heard of only when it fails: the last reply shows that it is done */
    bool receiving;    /* a receive is armed */
    bool ready_listed; /* stands in the client's list of those that may send */
    bool dirty_listed; /* stands in the client's list of those with output to send */

    struct pending *pending; /* borrowed from the client, pending_max of them */
    uint32_t pending_max;    /* power of two */
    uint32_t pending_begin;  /* of the oldest; free running */
    uint32_t pending_count;

    uint64_t served;      /* requests encoded on this connection since it was opened */
    uint64_t free_ns;     /* since when it may send, while it does not */
    uint64_t progress_ns; /* it last connected, got work while idle, completed a reply, or began to close */
    uint64_t bytes_since_progress;

    struct output output; /* owned */
    struct reader reader; /* owned */
    char *input;          /* owned; receive buffer when receives are armed one by one, else NULL */
};

/* What a connection needs to reach the kernel; one per client. */
struct wire {
    struct ring ring;
    struct buffers buffers;
    bool multishot;      /* one receive answers many times, from shared buffers */
    uint32_t input_size; /* bytes of connection->input otherwise */
    const struct target *target;
    bool rotate_sources;
    uint32_t sources_used; /* counts sockets, for source addresses */
};

static inline struct pending *connection_oldest(struct connection *connection) {
    return &connection->pending[connection->pending_begin & (connection->pending_max - 1)];
}

/* The request answered by the next reply. pending_count > 0. */
struct pending connection_pop(struct connection *connection);
void connection_push(struct connection *connection, struct pending pending);

/* Makes a socket and begins to connect. 0 or a negative errno. CLOSED only. */
int connection_connect(struct connection *connection, struct wire *wire);

/*
 * Arms what the named thing needs; the completion carries the connection's tag. whole_batch: nothing else is
 * sent before all replies are in, so that the send may be a quiet one, whose success needs no completion.
 */
void connection_arm_send(struct connection *connection, struct wire *wire, bool whole_batch);
void connection_arm_receive(struct connection *connection, struct wire *wire);

/* A quiet send that the replies show to be done, or whose connection is given up: the bytes that it was. */
size_t connection_end_quiet_send(struct connection *connection);

/* From OPEN: no more sends; the kernel lets go of the receive by itself. */
void connection_begin_close(struct connection *connection, uint64_t now_ns);

/* CLOSING and nothing in flight: closes. True when the connection is now CLOSED. */
bool connection_finish_close(struct connection *connection);

#endif
