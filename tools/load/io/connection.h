/* SPDX-License-Identifier: MIT
 *
 * connection: one connection of the load and what the kernel does for it.
 *
 *      CLOSED --connection_connect--> CONNECTING --connected--> OPEN --connection_begin_close--> CLOSING
 *        ^                                |                       ^                                 |
 *        |                                +--TLS--> HANDSHAKING --+                                 |
 *        +---------------------------- in_flight == 0: closed, generation + 1 ----------------------+
 *
 * in_flight: requests of this connection that the kernel has not completed. The descriptor is closed exactly
 * when it reaches 0. Requests that wait for replies stand in a ring in the order in which they were sent;
 * replies come in the same order.
 *
 * All connections of a client share a wire: its ring, and the buffers it receives into. Only the thread of the
 * client that owns them touches either.
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
#include "tls.h"

enum connection_state {
    CONNECTION_CLOSED,
    CONNECTION_CONNECTING,
    CONNECTION_HANDSHAKING, /* of TLS */
    CONNECTION_OPEN,
    CONNECTION_CLOSING,
};

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
    struct tls *tls;      /* owned; NULL: the connection is plain */
    size_t sealed;        /* bytes at the front of output that the send under way holds, encrypted */
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
    char *plain; /* owned; what a record brought, where connections have TLS */
    bool rotate_sources;
    uint32_t sources_used; /* counts sockets, for source addresses */
};

/* The smallest power of two that is not below `value` (1 to 2^63): what is indexed with a mask has this length. */
static inline uint64_t power_of_two(uint64_t value) {
    return value <= 1 ? 1 : UINT64_C(1) << (64 - __builtin_clzll(value - 1));
}

/* Ring and receive buffers for so many connections. False: *failure. wire_deinit is due either way. */
bool wire_init(struct wire *wire, const struct scenario *scenario, uint32_t connections_count,
               struct failure *failure);
void wire_deinit(struct wire *wire);

/*
 * `pending` has room for power_of_two(scenario_depth_max(scenario)). False: no memory; connection_deinit is due
 * either way.
 */
bool connection_init(struct connection *connection, uint32_t index, struct pending *pending,
                     const struct scenario *scenario, const struct wire *wire);
void connection_deinit(struct connection *connection);

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
 * sent before all replies are in, so that the send may be a quiet one, whose success needs no completion. With TLS a
 * send takes a bounded piece of the output. False: no memory for it.
 */
bool connection_arm_send(struct connection *connection, struct wire *wire, bool whole_batch);
void connection_arm_receive(struct connection *connection, struct wire *wire);

/* Whether there is something that may be sent now: requests wait for the end of a handshake. */
static inline bool connection_has_output(const struct connection *connection) {
    return (connection->state == CONNECTION_OPEN && !output_is_empty(&connection->output)) ||
           (connection->tls != NULL && tls_has_output(connection->tls));
}

/* So many bytes have left; how many that was of the output, before TLS. The next send takes the rest, if any. */
size_t connection_sent(struct connection *connection, size_t size);

/* A quiet send that the replies show to be done, or whose connection is given up: the bytes that it was. */
size_t connection_end_quiet_send(struct connection *connection);

/* From OPEN: no more sends but TLS's last word; the kernel lets go of the receive by itself. */
void connection_begin_close(struct connection *connection, uint64_t now_ns);

/* CLOSING and nothing in flight: closes. True when the connection is now CLOSED. */
bool connection_finish_close(struct connection *connection);

/*
 * The user_data of a request to the kernel: what it is and whose.
 *
 *      63       56 55                    32 31                             0
 *      | operation | generation (24 bits)  | index of the connection        |
 *
 * The generation grows when a connection's slot is used again, so that a late completion never meets a new
 * connection.
 */
enum tag_operation { TAG_CONNECT, TAG_SEND, TAG_RECEIVE };

enum { TAG_GENERATION_MASK = 0xffffff };

static inline uint64_t tag_pack(enum tag_operation operation, uint32_t generation, uint32_t index) {
    return (uint64_t)operation << 56 | (uint64_t)(generation & TAG_GENERATION_MASK) << 32 | index;
}

static inline enum tag_operation tag_operation(uint64_t tag) {
    return (enum tag_operation)(tag >> 56);
}

static inline uint32_t tag_generation(uint64_t tag) {
    return (uint32_t)(tag >> 32) & TAG_GENERATION_MASK;
}

static inline uint32_t tag_index(uint64_t tag) {
    return (uint32_t)tag;
}

#endif
