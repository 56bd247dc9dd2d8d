/* SPDX-License-Identifier: MIT
 *
 * barrier: where the clients wait for each other and for the thread that runs them.
 *
 *      client:   ... work ... barrier_arrive ----waits----> the next step, or the end
 *      runner:   waits for barrier->event ... all have arrived: reads what they counted ... barrier_release
 *
 * What a client wrote before it arrived the runner may read once all have arrived, and what the runner wrote
 * before it released the barrier the clients may read: the mutex orders both. A client that failed arrives like
 * the others, so nobody waits for ever.
 */
#ifndef LOAD_BARRIER_H
#define LOAD_BARRIER_H

#include <pthread.h>
#include <stdbool.h>

struct barrier {
    pthread_mutex_t mutex;
    pthread_cond_t released;
    unsigned clients_count;
    unsigned arrived_count; /* since the barrier was released last */
    unsigned generation;    /* free running */
    int event;              /* readable when all have arrived; an eventfd, owned */
};

/* 0 or a negative errno. */
int barrier_init(struct barrier *barrier, unsigned clients_count);
void barrier_deinit(struct barrier *barrier);

/* Client: says that it is here and waits until it is released. */
void barrier_arrive(struct barrier *barrier);

/* Runner: whether all have arrived since the barrier was released last. */
bool barrier_is_full(struct barrier *barrier);

/* Runner, when all have arrived: lets them go on. */
void barrier_release(struct barrier *barrier);

#endif
