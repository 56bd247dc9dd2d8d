/* SPDX-License-Identifier: MIT
 *
 * client: one thread of the generator: its ring, its connections, its share of the load.
 *
 * A turn:   start what is due (encode) -> flush (one send per connection) -> wait -> take completions
 *
 * Which connection gets the next request: the one that has been free for longest. A request that is due while
 * none is free waits in the plan. Nothing here allocates after client_init but the first cut head of a
 * connection.
 *
 * Everything is called by the client's own thread; others may read live_replies and live_faults, and the rest
 * while the thread waits at the barrier.
 */
#ifndef LOAD_CLIENT_H
#define LOAD_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "connection.h"
#include "failure.h"
#include "plan.h"
#include "riposte/counter.h"
#include "counts.h"

/* What a client is told from outside. */
enum client_stop {
    CLIENT_GO,
    CLIENT_STOP_GENTLY, /* the measurement ends now and is reported */
    CLIENT_STOP_NOW,    /* another client failed */
};

enum phase_kind {
    PHASE_NONE,    /* nothing is started */
    PHASE_LEARN,   /* one request without a key, whose body is what all others must be */
    PHASE_PRELOAD, /* every key of this client's share is set */
    PHASE_LOAD,
};

/* What is being done now; the fields up to the line are fixed while it lasts. */
struct phase {
    enum phase_kind kind;
    unsigned depth;
    bool whole_batches;   /* start only when nothing is in flight on the connection */
    uint64_t churn_count; /* requests before a connection is closed; 0: it stays */
    uint64_t measure_from_ns;
    uint64_t preload_end; /* first key that is not this client's */
    /* ---- */
    struct plan plan;
    uint64_t until_ns;    /* requests intended from here on are not sent */
    uint64_t starts_left; /* measured requests that may still be started */
    uint64_t preload_next;
    bool accepting; /* new requests may be started */
    bool in_window; /* now is within the measured time */
};

/* One measurement. */
struct step {
    uint64_t start_ns;       /* monotonic; the same for all clients */
    double rate_per_s;       /* of this client; 0: closed loop */
    uint64_t plan_shift_ns;  /* of this client's fixed plan, so that clients take turns */
    uint64_t requests_count; /* measured requests of this client; 0: as the duration allows */
};

struct client {
    const struct scenario *scenario; /* borrowed */
    unsigned index;                  /* of the thread */
    const _Atomic int *stop;         /* enum client_stop; borrowed */

    struct wire wire;
    struct connection *connections; /* owned */
    struct pending *pendings;       /* owned; every connection's share in one piece */
    uint32_t connections_count;
    uint32_t connecting_count;

    uint32_t *ready;      /* owned; indices of connections that may send, oldest first; a ring */
    uint32_t ready_max;   /* power of two */
    uint32_t ready_begin; /* free running */
    uint32_t ready_count;
    uint32_t *dirty; /* owned; indices of connections whose output waits to be sent in this turn */
    uint32_t dirty_count;

    struct phase phase;
    uint64_t now_ns;            /* the last look at the clock */
    uint64_t next_look_ns;      /* when connections are next looked through for stalls */
    uint64_t outstanding_count; /* requests started and not answered */
    struct random random;       /* of keys and kinds */
    struct checker checker;
    struct counts *counts;              /* owned; of the step that runs or ran last */
    char tls_suite[TLS_SUITE_SIZE_MAX]; /* of the first handshake; empty: none yet */
    struct failure failure;

    struct counter live_replies; /* answered, since the client began */
    struct counter live_faults;  /* error replies and wrong replies, since the client began */
};

/*
 * Memory and ring of a client that is all zero; no connection yet. False: client->failure. client_deinit is
 * due either way.
 */
bool client_init(struct client *client, const struct scenario *scenario, unsigned index,
                 const _Atomic int *stop);
void client_deinit(struct client *client);

/*
 * One turn; ends at deadline_ns at the latest. False: the run is over for this client (failure, or told to
 * stop now).
 */
bool client_turn(struct client *client, uint64_t deadline_ns);

/*
 * What a client does one after the other: connects, stores the keys (or learns the page), measures, once or in
 * steps. Each returns false when the run is over for this client: client->failure says why, or another one
 * failed. Each ends within a bounded time whatever the server does: connects and replies have the time-out, and
 * so has what is left when a measurement ends.
 */

/* Connects everything (connections that churn connect when used) and does what comes before measuring. */
bool client_prepare(struct client *client);

/* Measures: client->counts has the result. */
bool client_measure(struct client *client, const struct step *step);

/*
 * --- among the parts of a client ---
 *
 *      client_phase.c (what is done one after the other) --> client.c (a turn) --> client_event.c (what a completion means)
 */

/* What a completion means. May set client->failure. */
void client_on_completion(struct client *client, const struct io_uring_cqe *completion);

/* Begins to connect. False: client->failure. CLOSED connections only. */
bool client_connect(struct client *client, struct connection *connection);

/* Arms the send of what waits. A lack of memory is client->failure. */
void client_send(struct client *client, struct connection *connection);

/* Looks at what the connection may do next: arm, close, stand in line. After every event. */
void client_settle(struct client *client, struct connection *connection);

/* Whether the connection may take a request now; one that is CLOSED connects first. */
static inline bool client_may_start(const struct client *client, const struct connection *connection) {
    const struct phase *phase = &client->phase;
    switch (connection->state) {
    case CONNECTION_CLOSED:
        return true; /* it connects first */
    case CONNECTION_OPEN:
        break;
    case CONNECTION_CONNECTING:
    case CONNECTION_HANDSHAKING:
    case CONNECTION_CLOSING:
        return false;
    }
    if (connection->sending || (phase->churn_count > 0 && connection->served >= phase->churn_count)) {
        return false;
    }
    return phase->whole_batches ? connection->pending_count == 0 : connection->pending_count < phase->depth;
}

/* Puts a connection that may start in line, behind those that have been free for longer. */
static inline void client_offer(struct client *client, struct connection *connection) {
    if (connection->ready_listed) {
        return;
    }
    connection->ready_listed = true;
    connection->free_ns = client->now_ns;
    client->ready[(client->ready_begin + client->ready_count) & (client->ready_max - 1)] = connection->index;
    client->ready_count++;
}

/* The one that has been free for longest; there is one. */
static inline struct connection *client_take_offered(struct client *client) {
    uint32_t index = client->ready[client->ready_begin & (client->ready_max - 1)];
    client->ready_begin++;
    client->ready_count--;
    client->connections[index].ready_listed = false;
    return &client->connections[index];
}

#endif
