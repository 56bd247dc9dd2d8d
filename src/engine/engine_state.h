/* SPDX-License-Identifier: MIT
 *
 * engine_state: what the workers of one engine share. Constant once the workers run, but for the atomics.
 */
#ifndef RIPOSTE_ENGINE_ENGINE_STATE_H
#define RIPOSTE_ENGINE_ENGINE_STATE_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "kernel.h"
#include "log_limit.h"
#include "riposte/engine.h"
#include "sizes.h"
#include "start.h"
#include "worker.h"

enum { ENGINE_FEATURES_SIZE_MAX = 256 };

/* What the kernel offers, found out before the workers start; each worker's ring is made accordingly. */
struct uring_features {
    unsigned setup_flags;     /* IORING_SETUP_ flags the kernel takes */
    bool no_iowait;           /* waiting is not shown as I/O wait */
    bool incremental_buffers; /* a receive buffer is used up piece by piece */
    bool bundle;              /* a send drains a ring of provided buffers */
    bool send_zero_copy;
    bool recv_multishot;
    bool accept_multishot;
};

/* Limits, and the connections that count against them. */
struct engine_group {
    struct engine_limits limits; /* constant */
    /* Over all workers; touched per connection, never per request, but not by those who only read limits. */
    alignas(64) _Atomic uint32_t connections_count;
};

/* A listening socket. */
struct engine_socket {
    int fd; /* owned */
    uint8_t listen;
};

/* The file of a Unix socket that this engine has made, or has been given by another process (engine_listen's is_taken). */
struct engine_file {
    struct engine_socket_file file;
    bool is_taken; /* the other process's own, until this engine serves */
};

struct engine {
    struct engine_config config;   /* a copy; listens points to own memory */
    struct engine_listen *listens; /* owned; ports filled in */
    struct engine_group *groups;   /* owned, one per different limits */
    unsigned groups_count;
    uint32_t connections_max;      /* over all groups */
    struct engine_socket *sockets; /* owned; closed by engine_destroy */
    unsigned sockets_count;
    struct engine_file files[ENGINE_LISTENS_MAX]; /* one per listen */
    bool has_served;                              /* its workers have accepted, or might have; main thread */
    char listen_texts[ENGINE_LISTENS_MAX]
                     [ADDRESS_TEXT_SIZE_MAX];  /* address_text of each: what it is called in records */
    uint8_t listen_groups[ENGINE_LISTENS_MAX]; /* which group each listen belongs to */
    struct worker **workers;                   /* owned, workers_count of them */
    unsigned workers_count;
    const struct transport *transport; /* may change once before the workers serve (start.h) */
    struct engine_sizes sizes;
    size_t fixed_memory_size; /* bytes of all workers; constant from engine_create on */
    struct uring_features uring;
    uint64_t created_ns; /* monotonic; worker times count from here */
    uint32_t listen_backlog_wanted;
    uint32_t listen_backlog; /* after net.core.somaxconn */
    struct kernel kernel;
    size_t session_size;      /* largest of all protocols */
    size_t filter_state_size; /* largest of all filters, at least 1 where there is one; 0: none */
    char features[ENGINE_FEATURES_SIZE_MAX];
    char
        fallback_reason[ENGINE_MESSAGE_SIZE_MAX]; /* why it is not io_uring; "" when nobody asked, or it is */

    struct engine_start start;
    bool logs_connections;        /* -v; constant */
    struct log_limit conn_lines;  /* of these */
    struct log_limit error_lines; /* what makes clients wait or go */
    /* Monotonic; until then no line says that a worker is not kept on its CPU. */
    _Atomic uint64_t unpin_silence_ends_ns;

    alignas(64) _Atomic(enum engine_stop) stop;   /* set by engine_stop; NONE again from engine_resume on */
    _Atomic(struct engine_conn_list *) conn_list; /* under way; NULL when none is */
    _Atomic uint32_t conn_lists_begun;
    pthread_mutex_t conn_list_lock;      /* of begins and leavings: who is to answer is settled */
    _Atomic uint64_t conn_memory_size;   /* of all workers, as published */
    _Atomic uint64_t memory_wanted_size; /* bytes that a session was refused last; see shed_want */
    _Atomic uint32_t memory_wanted_ms;   /* worker time of that */
    _Atomic uint64_t frozen_size;        /* bytes of unsent output that frozen connections hold */
    const struct engine_shared
        *shared; /* borrowed; written before engine_stop, read when frozen; NULL: nothing */
};

/* How the engine is to stop, if it is. */
static inline enum engine_stop engine_stop_asked(const struct engine *engine) {
    /* acquire: pairs with the release in engine_stop and engine_resume: whatever was written before is seen. */
    return atomic_load_explicit(&engine->stop, memory_order_acquire);
}

/* The workers stay, and wait for what comes of it. */
static inline bool engine_stop_waits(enum engine_stop stop) {
    return stop == ENGINE_STOP_PAUSE || stop == ENGINE_STOP_FREEZE;
}

#endif
