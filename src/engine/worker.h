/* SPDX-License-Identifier: MIT
 *
 * worker: one thread with its connections, and the loop they live in.
 *
 * The life of a turn, in order (worker.c: worker_turn):
 *      worker_wait          submit what was armed, spin or sleep until something happened
 *      transport reap       completions -> worker_on_accept, worker_on_recv, worker_on_sent, ... (accept.c, serve.c)
 *      worker_serve_all     prefetch over all connections with input, then on_input for each, in rounds (serve.c)
 *      return_buffers       what is unread was copied out (input.c): no client holds a shared buffer
 *      worker_arm_all       one send per connection with output; receives; closing (close.c)
 *      timeouts             close.c
 *
 * The life of a request: kernel fills a buffer -> completion -> conn_find -> worker_on_recv -> input_append
 * -> prefetch -> on_input (parse, execute, reply) -> worker_arm_all -> transport arm: one send ->
 * completion -> worker_on_sent -> reply_sent.
 *
 * All functions: the worker's own thread, but for worker_wake.
 */
#ifndef RIPOSTE_ENGINE_WORKER_H
#define RIPOSTE_ENGINE_WORKER_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "conn.h"
#include "tag.h"
#include "listener.h"
#include "reply_pool.h"
#include "riposte/engine.h"
#include "spin.h"
#include "timeouts.h"
#include "transport.h"

struct engine;

enum worker_stage {
    WORKER_SERVING,
    WORKER_DRAINING, /* the engine stops: quiet connections close, what was received is answered */
    WORKER_FLUSHING, /* nothing is parsed any more, what was answered is sent */
    WORKER_ABORTING, /* the drain time is over */
};

struct worker {
    struct engine *engine; /* borrowed */
    const struct transport *transport;
    void *transport_state; /* owned by the transport, from open to close */
    struct conn_table conns;
    struct conn_queue run; /* connections with something to serve */
    struct conn_queue arm; /* connections whose wants or state are to be looked at */
    struct reply_pool reply_pool;
    struct timeouts timeouts;
    struct spin spin;
    uint64_t now_ns; /* read once per turn */
    uint32_t now_ms; /* the same since the engine was created */
    unsigned index;
    unsigned cpu; /* pinned to; meaningful with config.pin */
    enum worker_stage stage;
    bool surveying;          /* a survey waits for this worker's answer */
    uint32_t drain_began_ms; /* worker times; from DRAINING on */
    uint32_t drain_stage_ends_ms;
    uint32_t drain_looks_ms;
    bool accept_paused; /* for want of descriptors or memory, or of a place below the connection limit */
    uint32_t accept_resumes_ms; /* worker time; while accept_paused */
    int spare_fd;               /* given up to tell one client that descriptors have run out; -1: none */
    int wake_fd;                /* eventfd; any thread may write */
    uint32_t surveys_answered;  /* behind engine.surveys_begun: one waits for this worker's answer */
    uint32_t survey_next;       /* slot the survey under way looks at next on this worker */
    unsigned hook_period_ms;    /* what hooks.turn asked for last */
    struct listener *listeners; /* one per listen of the engine; owned */
    void *user;                 /* what hooks.worker_start returned */
    void **contexts;            /* the protocols' contexts, one per listen; owned */
    pthread_t thread;
    bool thread_started;
    alignas(64) struct engine_counters counters; /* written by this worker only */
};

/* Thread entry; argument is the worker. */
void *worker_main(void *argument);

/* Makes the worker leave its wait soon. Any thread. */
void worker_wake(struct worker *worker);

/* --- what transports report (serve.c, accept.c, close.c) ------------------------------------------------ */

/* A connection was accepted. */
void worker_on_accept(struct worker *worker, struct listener *listener, int fd);

/*
 * An accept failed, or (-ECANCELED) ended; `error` is a negative errno. The transport has cleared
 * listener->armed if it is over.
 */
void worker_on_accept_error(struct worker *worker, struct listener *listener, int error);

/* Bytes came; they stay in place until the transport's return_buffers. size >= 1. */
void worker_on_recv(struct worker *worker, struct conn *conn, struct bytes bytes);

/* The client's side ended (error 0), or the connection broke (a negative errno). */
void worker_on_recv_end(struct worker *worker, struct conn *conn, int error);

/*
 * The receive is over though the connection is healthy: buffers were empty, a multishot ended, a cancel took
 * effect.
 */
void worker_on_recv_idle(struct worker *worker, struct conn *conn);

/* The send in flight ended: bytes taken, or a negative errno. */
void worker_on_sent(struct worker *worker, struct conn *conn, int64_t result);

/* worker_wake was called; the transport has emptied wake_fd. */
void worker_on_wake(struct worker *worker);

/* --- parts of a turn ------------------------------------------------------------------------------------ */

/* Serves the run queue (serve.c). */
void worker_serve_all(struct worker *worker);

/*
 * Looks at every connection of the arm queue and at the listeners: sends, receives, closes, accepts
 * (close.c).
 */
void worker_arm_all(struct worker *worker);

/* What time-outs are due (close.c). */
void worker_check_timeouts(struct worker *worker);

/* Resumes accepting where a pause is over (accept.c). */
void worker_check_accept(struct worker *worker);

/* A place below the connection limit, or a descriptor, has become free (accept.c). */
void worker_accept_resume(struct worker *worker);

/* Accepts whatever waits in the listeners' queues, then closes the listeners (accept.c). */
void worker_accept_last(struct worker *worker);

/* Answers a survey, a piece at a time; true while there is more to answer (survey.c). */
bool worker_survey_turn(struct worker *worker);

/* Moves the stop on (drain.c). */
void worker_drain_begin(struct worker *worker);
void worker_drain_turn(struct worker *worker);

/* Begins the end of a connection; may be called in any state, more than once (close.c). */
void conn_begin_close(struct worker *worker, struct conn *conn, enum close_reason reason);

/* The last reply is in: nothing more is parsed (close.c). */
void conn_begin_flush(struct worker *worker, struct conn *conn, enum close_reason reason);

/* Adds to a queue of the worker. */
static inline void worker_queue_arm(struct worker *worker, struct conn *conn) {
    conn_arm_push(&worker->conns, &worker->arm, conn);
}

static inline void worker_queue_run(struct worker *worker, struct conn *conn) {
    conn_run_push(&worker->conns, &worker->run, conn);
}

/* The protocol of a connection, and its context on this worker. */
const struct protocol *worker_protocol(const struct worker *worker, const struct conn *conn);

#endif
