/* SPDX-License-Identifier: MIT
 *
 * plan: reckons when each request is due; reads no clock.
 */
#include "plan.h"

#include <assert.h>
#include <math.h>

#include "riposte/clock.h"

/*
 * -ln of a uniform number in (0, 1] times the mean; 53 random bits, never 0, so that the logarithm is finite.
 */
static double gap_exponential_ns(struct plan *plan) {
    double uniform = ((double)(random_next(&plan->random) >> 11) + 1.0) * 0x1p-53;
    return -log(uniform) * plan->gap_ns;
}

void plan_init(struct plan *plan, enum plan_arrival arrival, double rate_per_s, uint64_t start_ns,
               uint64_t seed) {
    assert(arrival == PLAN_CLOSED || rate_per_s > 0);
    *plan = (struct plan){.arrival = arrival, .start_ns = start_ns, .random = {.state = seed}};
    if (arrival != PLAN_CLOSED) {
        plan->gap_ns = (double)CLOCK_NS_PER_S / rate_per_s;
    }
    if (arrival == PLAN_POISSON) {
        plan->due_after_ns = gap_exponential_ns(plan);
    }
}

uint64_t plan_next_ns(const struct plan *plan, uint64_t now_ns) {
    return plan->arrival == PLAN_CLOSED ? now_ns : plan->start_ns + (uint64_t)plan->due_after_ns;
}

bool plan_due(const struct plan *plan, uint64_t now_ns) {
    return plan_next_ns(plan, now_ns) <= now_ns;
}

uint64_t plan_take_ns(struct plan *plan, uint64_t now_ns) {
    uint64_t intended_ns = plan_next_ns(plan, now_ns);
    plan->taken_count++;
    switch (plan->arrival) {
    case PLAN_CLOSED:
        break;
    case PLAN_FIXED:
        /* From the count, not by adding up: a million roundings would shift the rate. */
        plan->due_after_ns = (double)plan->taken_count * plan->gap_ns;
        break;
    case PLAN_POISSON:
        plan->due_after_ns += gap_exponential_ns(plan);
        break;
    }
    return intended_ns;
}
