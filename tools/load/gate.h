/* SPDX-License-Identifier: MIT
 *
 * gate: where the clients wait for each other and for the thread that runs them.
 *
 *      client:   ... work ... gate_arrive ----waits----> the next step, or the end
 *      runner:   waits for gate->event ... all have arrived: reads what they counted ... gate_open
 *
 * What a client wrote before it arrived the runner may read once all have arrived, and what the runner wrote
 * before it opened the gate the clients may read: the mutex orders both. A client that failed arrives like
 * the others, so nobody waits for ever.
 */
#ifndef LOAD_GATE_H
#define LOAD_GATE_H

#include <pthread.h>
#include <stdbool.h>

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    unsigned clients_count;
    unsigned arrived_count; /* since the gate was opened last */
    unsigned openings;      /* free running */
    int event;              /* readable when all have arrived; an eventfd, owned */
};

/* 0 or a negative errno. */
int gate_init(struct gate *gate, unsigned clients_count);
void gate_deinit(struct gate *gate);

/* Client: says that it is here and waits until the gate is opened. */
void gate_arrive(struct gate *gate);

/* Runner: whether all have arrived since the gate was opened last. */
bool gate_is_full(struct gate *gate);

/* Runner, when all have arrived: lets them go on. */
void gate_open(struct gate *gate);

#endif
