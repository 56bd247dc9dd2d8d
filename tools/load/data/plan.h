/* SPDX-License-Identifier: MIT
 *
 * plan: when each request should be sent.
 *
 *      closed     whenever a connection is free: the next request waits for a reply
 *      fixed      every 1/rate seconds, reckoned from the start so that nothing drifts
 *      Poisson    independent users: gaps drawn from an exponential distribution with mean 1/rate
 *
 * An open plan (fixed, Poisson) does not look at the server: a request that could not leave in time keeps its
 * intended time and its latency counts from there. What is due and not yet taken needs no queue: the plan
 * itself remembers where it stopped.
 *
 * Reads no clock; the caller says what time it is. One thread owns one plan.
 */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/random.h"

enum plan_arrival { PLAN_CLOSED, PLAN_FIXED, PLAN_POISSON };

struct plan {
    enum plan_arrival arrival;
    uint64_t start_ns;    /* monotonic; the first fixed request is due then */
    uint64_t taken_count; /* requests taken so far */
    double gap_ns;        /* mean distance of two requests; open plans only */
    double due_after_ns;  /* when the next is due, from start_ns; below 2^53, so exact to the ns */
    struct random random; /* of the Poisson gaps */
};

/* rate_per_s is ignored for PLAN_CLOSED, above 0 otherwise. */
void plan_init(struct plan *plan, enum plan_arrival arrival, double rate_per_s, uint64_t start_ns,
               uint64_t seed);

/* When the next request should be sent: now_ns for a closed plan, a fixed point in time otherwise. */
uint64_t plan_next_ns(const struct plan *plan, uint64_t now_ns);

/* Whether a request should have been sent by now_ns. */
bool plan_due(const struct plan *plan, uint64_t now_ns);

/* Takes the next request: returns plan_next_ns and moves on. */
uint64_t plan_take_ns(struct plan *plan, uint64_t now_ns);

#endif
