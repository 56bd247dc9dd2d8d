/* SPDX-License-Identifier: MIT
 *
 * worker: what one thread owns: its connections, queues, buffers, clock and counters. The loop that they
 * live in is in loop.c; the parts of a turn are in files of their own, which all see this one.
 *
 * Everything here is touched by the worker's own thread only, but for worker_wake and the counters, which
 * anybody may read.
 */
#ifndef RIPOSTE_ENGINE_WORKER_H
#define RIPOSTE_ENGINE_WORKER_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "affinity.h"
#include "conn.h"
#include "conn_queue.h"
#include "frozen.h"
#include "lent.h"
#include "listener.h"
#include "reply.h"
#include "riposte/engine.h"
#include "spin.h"
#include "timeouts.h"
#include "transport.h"
#include "turn.h"

struct engine;
struct engine_group;

/* Bytes that the filters of a worker's connections may unfold to in one turn without a copy. */
enum { WORKER_PLAIN_SIZE = 256 * 1024 };

enum worker_stage {
    WORKER_SERVING,
    WORKER_DRAINING, /* the engine stops: quiet connections close, what was received is answered */
    WORKER_FLUSHING, /* nothing is parsed any more, what was answered is sent */
    WORKER_ABORTING, /* the drain time is over */
    WORKER_FREEZING, /* connections are served until they can be moved (freeze.h) */
    WORKER_FROZEN,   /* they can */
};

/* What the connections of one listen are served with on this worker. */
struct worker_listen {
    const struct protocol *protocol;    /* borrowed */
    void *context;                      /* the protocol's, on this worker; borrowed */
    const struct filter *filter;        /* NULL: none; borrowed */
    void *filter_context;               /* borrowed */
    const struct engine_limits *limits; /* of `group` */
    struct engine_group *group;         /* the engine's */
};

struct worker {
    struct engine *engine; /* borrowed */
    const struct transport *transport;
    void *transport_state; /* owned by the transport, from open to close */
    bool transport_failed; /* set by it when it will not come back (failover.h) */
    struct conn_table conns;
    struct conn_queue run;        /* connections with something to serve */
    struct conn_queue run_costly; /* the same, behind all others: their last requests took long */
    struct conn_queue arm;        /* connections whose wants or state are to be looked at */
    struct conn_queue
        arm_next_turn; /* of those, while arm_turn runs: their large output waits for the next turn */
    struct conn_queue
        arm_later; /* adopted connections that were quiet: a few of them a turn, behind all others */
    struct reply_pool reply_pool;
    size_t held_size;    /* bytes that inputs and sessions of connections hold: the sum of conn.held_size */
    size_t waiting_size; /* of these, what connections hold that wait for room */
    size_t waiting_size_max; /* from there on no more may wait; constant */
    uint32_t shed_next;      /* slot that is looked at next for memory to be freed */
    uint32_t shed_woke_ms;   /* worker time when others were last woken to free some */
    uint32_t shed_vain_ms;   /* worker time of the last look for one that could give way and was not there */
    uint32_t shed_spared_ms; /* worker time from which on those were counted that were spared */
    uint32_t shed_spared_count;
    uint32_t filter_waits;  /* first of the connections whose filters wait for another thread; CONN_NONE */
    char *plain;            /* WORKER_PLAIN_SIZE bytes where a listen has a filter; owned */
    size_t plain_used_size; /* of it, by plain bytes of this turn */
    struct timeouts timeouts;
    struct spin spin;
    bool spin_found; /* this turn serves what a spin has found */
    uint64_t now_ns; /* read once per turn */
    uint32_t now_ms; /* the same since the engine was created */
    struct turn turn;
    unsigned index;
    unsigned cpu;             /* its own, but with ENGINE_PIN_OFF */
    struct affinity affinity; /* from worker_settle_thread on */
    enum worker_stage stage;
    bool woken;              /* worker_wake was called and the loop has not yet looked why */
    bool conn_list_wanted;   /* a connection list waits for this worker's answer */
    uint8_t late_turns;      /* 0, or this thread has found that it did not run for a while; see overdue.c */
    uint32_t late_since_ms;  /* worker time when it did */
    uint64_t late_recvs;     /* receives by the last turn since */
    uint32_t drain_began_ms; /* worker times; from DRAINING, or FREEZING, on; FROZEN: accepts told to end */
    uint32_t drain_stage_ends_ms;
    uint32_t drain_timeout_ms; /* of this stop */
    uint32_t drain_looks_ms;
    bool place_freed;             /* a connection has ended since the loop looked at paused accepts */
    bool openings_full;           /* listens with a filter do not accept (opening.h) */
    uint32_t openings_count;      /* connections whose filter is not open */
    bool accept_paused;           /* for want of descriptors or memory */
    unsigned parked_count;        /* listeners that wait for a place below the connection limit */
    uint32_t accept_look_ms;      /* worker time of the next look at these two */
    int spare_fd;                 /* given up to tell one client that descriptors have run out; -1: none */
    int wake_fd;                  /* eventfd; any thread may write */
    uint32_t conn_lists_answered; /* behind engine.conn_lists_begun: one waits for this worker's answer */
    bool conn_lists_left;         /* no list waits for this worker; under engine.conn_list_lock */
    uint32_t conn_list_next;      /* slot the list under way looks at next on this worker */
    unsigned hook_period_ms;      /* what hooks.turn asked for last */
    struct listener *listeners;   /* owned; their descriptors are the engine's */
    unsigned listeners_count;
    void *user;    /* what hooks.worker_start returned */
    bool prepared; /* it did, and hooks.worker_stop was not called since */
    const struct engine_hooks
        *hooks;      /* the engine's; those of nobody from drain_part on, when `user` is gone for good */
    bool is_parting; /* the same: protocols are not called any more (drain_part) */
    struct worker_listen *listens; /* one per listen of the engine; owned */
    struct frozen frozen;          /* connections that wait for the end of a freeze; owned */
    struct lent lent; /* memory that the kernel sends from for connections that have moved; owned */
    pthread_t thread;
    bool thread_started;
    unsigned orders_seen;                        /* of engine.start */
    alignas(64) struct engine_counters counters; /* written by this worker only */
    /* What the engine's sum of connections' memory has of this worker; as above. */
    _Atomic uint64_t published_size;
};

/* A worker of the engine, without listeners and thread; NULL when memory ends. */
struct worker *worker_create(struct engine *engine, unsigned index);

/* Frees it. Its thread is gone, or never was. NULL is taken. */
void worker_free(struct worker *worker);

/* The thread that calls is the worker's: on its CPU, where that is wanted, and without SIGPIPE. Ended by affinity_end. */
void worker_settle_thread(struct worker *worker);

/* Makes the worker leave its wait soon. Any thread. */
void worker_wake(struct worker *worker);

/* Adds a listener, before the thread runs. 0 or -ENOMEM. */
int worker_add_listener(struct worker *worker, const struct listener *listener);

/* Accepting has paused, for all listeners or some. */
static inline bool worker_accept_waits(const struct worker *worker) {
    return worker->accept_paused || worker->openings_full || worker->parked_count > 0;
}

/* What the connection is served with. */
static inline const struct worker_listen *worker_listen(const struct worker *worker,
                                                        const struct conn *conn) {
    return &worker->listens[conn->listen];
}

/* Charges what the connection's input and session hold now. After every turn that has touched it. */
static inline void worker_charge(struct worker *worker, struct conn *conn) {
    uint32_t held_size = conn->input.owned_capacity + conn->session_memory_size;
    if (unlikely(conn->filter_offset != 0)) {
        held_size += conn_filter(conn)->held_size + conn_filter(conn)->wire.owned_capacity;
    }
    if (unlikely(conn->awaits_room)) {
        worker->waiting_size += held_size;
        worker->waiting_size -= conn->held_size;
    }
    worker->held_size += held_size;
    worker->held_size -= conn->held_size;
    conn->held_size = held_size;
}

/* The connection has something to serve: it waits for its turn. */
static inline void worker_queue_run(struct worker *worker, struct conn *conn) {
    struct conn_queue *queue = conn->costly > 0 ? &worker->run_costly : &worker->run;
    conn_queue_push(&worker->conns, queue, conn, CONN_QUEUE_RUN);
}

/* The connection's wants or state have changed: they are looked at in the end of the turn. */
static inline void worker_queue_arm(struct worker *worker, struct conn *conn) {
    conn_queue_push(&worker->conns, &worker->arm, conn, CONN_QUEUE_ARM);
}

#endif
