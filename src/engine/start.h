/* SPDX-License-Identifier: MIT
 *
 * start: how the thread that starts an engine and its workers agree, step by step, before any of them serves.
 *
 *      engine_start                         each worker
 *      start_await   <---- start_report ---- its transport is open, or is not
 *      start_order   ----> START_AGAIN ----> closes it, opens the other one, reports again
 *                    ----> START_GIVE_UP --> ends
 *                    ----> START_SERVE ----> sets up the rest, accepts, reports once more
 *
 * A pause is the same once more: each worker that has no connection left reports and waits, for START_SERVE or START_GIVE_UP, and before
 * that, as often as it is asked for, START_PREPARE. What no
 * worker may do before none serves any more, or serve before all have done, waits between two steps for the others (start_meet).
 *
 * A ring belongs to the thread that made it, so only the workers can find out whether there is memory for all of them.
 * No client is accepted before all have agreed on one transport.
 */
#ifndef RIPOSTE_ENGINE_START_H
#define RIPOSTE_ENGINE_START_H

#include <pthread.h>
#include <stdbool.h>

#include "riposte/engine.h"

enum start_order {
    START_AGAIN, /* open the engine's transport, which is another one now */
    START_GIVE_UP,
    START_PREPARE, /* in a pause: take what the hooks give for serving, and report again */
    START_SERVE,
};

struct engine_start {
    pthread_mutex_t mutex; /* protects all below */
    pthread_cond_t changed;
    unsigned reported_count; /* workers that have reported since the last order */
    unsigned left_count;     /* workers that have left for good */
    unsigned met_count;      /* of those that wait for each other now */
    unsigned meetings_count; /* that are over */
    unsigned orders_count;
    enum start_order order; /* the last one */
    bool failed;            /* a report since the last order was a failure; `error` is the first */
    struct engine_error error;
};

void start_init(struct engine_start *start);
void start_deinit(struct engine_start *start);

/* A worker's report: 0, or a negative errno and *error. Its own thread. */
void start_report(struct engine_start *start, int result, const struct engine_error *error);

/*
 * The same, and waits for the order that follows all reports. *orders_seen counts those that this worker has had; 0 at
 * first.
 */
enum start_order start_report_and_wait(struct engine_start *start, int result,
                                       const struct engine_error *error, unsigned *orders_seen);

/*
 * Waits until `count` workers are here, but for those that have left. All come, or leave. Its own thread.
 */
void start_meet(struct engine_start *start, unsigned count);

/* The worker ends, and nobody waits for its reports any more. Its own thread. */
void start_leave(struct engine_start *start);

/* Waits for the reports of `count` workers, but of those that have left. 0, or the first failure: a negative errno and *error. The starting thread. */
int start_await(struct engine_start *start, unsigned count, struct engine_error *error);

/* Nobody has reported yet. The starting thread, while no worker can. */
void start_begin(struct engine_start *start);

/* What those who wait do next. The starting thread, after start_await. */
void start_order(struct engine_start *start, enum start_order order);

#endif
