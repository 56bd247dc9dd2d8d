/* SPDX-License-Identifier: MIT
 *
 * threads: those that run the clients, and the barrier at which they meet the thread that leads the run.
 *
 *      thread:   prepare -> arrive ...waits... -> measure -> arrive ...waits... -> measure ... -> end
 *      leader:   waits for `event`: all have arrived. Reads what they counted. threads_release: the next step
 *
 * What a thread wrote before it arrived the leader may read once all have arrived, and what the leader wrote before
 * it released them they may read: the mutex orders both. A thread that failed arrives like the others, so nobody
 * waits for ever.
 */
#ifndef LOAD_THREADS_H
#define LOAD_THREADS_H

#include <pthread.h>
#include <stdbool.h>

#include "client.h"

struct thread {
    struct threads *threads;
    pthread_t id;
    struct client client;
    bool failed; /* it only arrives at the barrier and goes home */
};

struct threads {
    const struct scenario *scenario; /* borrowed */
    struct thread *all;              /* owned */
    unsigned count;                  /* of those that run */
    _Atomic int stop;                /* enum client_stop; set by the leader and by threads that fail */

    /* the barrier */
    pthread_mutex_t mutex;
    pthread_cond_t released;
    unsigned arrived_count; /* since they were released last */
    unsigned expected_count;
    unsigned generation; /* free running */
    int event;           /* readable when all have arrived; an eventfd, owned */

    /* Written by the leader while all wait. */
    struct step step; /* of all clients together */
    bool ended;
};

/* 0 or a negative errno. threads_deinit is due when it is 0. */
int threads_init(struct threads *threads, const struct scenario *scenario);

/* After threads_end. */
void threads_deinit(struct threads *threads);

/* Each prepares and arrives. False: *failure; those that were started are told to stop, and arrive. */
bool threads_start(struct threads *threads, struct failure *failure);

/* Whether all have arrived since they were released last. */
bool threads_all_wait(struct threads *threads);

/* When all wait: they measure a step. */
void threads_release(struct threads *threads, const struct step *step);

/* When all wait: they end, and have ended when this returns. */
void threads_end(struct threads *threads);

/* The measurement ends now and is reported. A stop that a failure has ordered stays. */
void threads_stop_gently(struct threads *threads);

/* Replies, or faults, of all clients since they began; at any time. */
uint64_t threads_live_replies(const struct threads *threads);
uint64_t threads_live_faults(const struct threads *threads);

#endif
