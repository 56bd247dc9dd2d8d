/* SPDX-License-Identifier: MIT
 *
 * When requests should be sent, with a clock that the test moves.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"
#include "riposte/clock.h"

#define START_NS UINT64_C(1000000000000)

Test(plan, a_closed_plan_is_always_due_and_intends_now) {
    struct plan plan;
    plan_init(&plan, PLAN_CLOSED, 0, START_NS, 1);
    cr_expect(plan_due(&plan, START_NS + 5));
    cr_expect_eq(plan_take_ns(&plan, START_NS + 5), START_NS + 5);
    cr_expect_eq(plan_take_ns(&plan, START_NS + 5), START_NS + 5);
}

Test(plan, a_fixed_plan_begins_at_its_start) {
    struct plan plan;
    plan_init(&plan, PLAN_FIXED, 1000, START_NS, 1);
    cr_expect_not(plan_due(&plan, START_NS - 1));
    cr_expect(plan_due(&plan, START_NS));
    cr_expect_eq(plan_take_ns(&plan, START_NS), START_NS);
    cr_expect_not(plan_due(&plan, START_NS + CLOCK_NS_PER_MS - 1));
    cr_expect(plan_due(&plan, START_NS + CLOCK_NS_PER_MS));
}

Test(plan, a_fixed_plan_does_not_drift_over_an_hour) {
    struct plan plan;
    const double rate = 3333; /* a gap that is no whole number of ns */
    const uint64_t seconds = 3600;
    plan_init(&plan, PLAN_FIXED, rate, START_NS, 1);
    for (uint64_t i = 0; i < seconds * 3333; i++) {
        plan_take_ns(&plan, START_NS);
    }
    cr_expect_eq(plan_next_ns(&plan, START_NS), START_NS + seconds * CLOCK_NS_PER_S);
}

Test(plan, requests_that_could_not_leave_keep_their_intended_times) {
    struct plan plan;
    plan_init(&plan, PLAN_FIXED, 1000, START_NS, 1);
    /* The server stalls for 200 ms; the clock jumps. */
    uint64_t now_ns = START_NS + 200 * CLOCK_NS_PER_MS;
    for (uint64_t i = 0; i <= 200; i++) {
        cr_assert(plan_due(&plan, now_ns));
        cr_assert_eq(plan_take_ns(&plan, now_ns), START_NS + i * CLOCK_NS_PER_MS);
    }
    cr_expect_not(plan_due(&plan, now_ns), "nothing may be due twice");
}

Test(plan, a_poisson_plan_keeps_its_rate) {
    struct plan plan;
    const uint64_t count = 1000000;
    plan_init(&plan, PLAN_POISSON, 50000, START_NS, 7);
    uint64_t last_ns = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t intended_ns = plan_take_ns(&plan, 0);
        cr_assert(intended_ns >= last_ns);
        last_ns = intended_ns;
    }
    double seconds = (double)(last_ns - START_NS) / 1e9;
    /*
     * The sum of n gaps has a deviation of sqrt(n) gaps: 0.1 %. The seed is fixed, so this holds or not for
     * ever.
     */
    cr_expect(fabs(seconds - 20) < 0.1, "%f s for 20 s of load", seconds);
}

Test(plan, the_gaps_of_a_poisson_plan_are_exponential) {
    struct plan plan;
    enum { COUNT = 1000000 };
    plan_init(&plan, PLAN_POISSON, 1000, START_NS, 11);
    unsigned above_mean = 0;
    unsigned above_three_means = 0;
    uint64_t last_ns = START_NS;
    for (unsigned i = 0; i < COUNT; i++) {
        uint64_t intended_ns = plan_take_ns(&plan, 0);
        above_mean += intended_ns - last_ns > CLOCK_NS_PER_MS;
        above_three_means += intended_ns - last_ns > 3 * CLOCK_NS_PER_MS;
        last_ns = intended_ns;
    }
    cr_expect(fabs((double)above_mean / COUNT - exp(-1)) < 0.002, "%u", above_mean);
    cr_expect(fabs((double)above_three_means / COUNT - exp(-3)) < 0.002, "%u", above_three_means);
}

Test(plan, the_same_seed_is_the_same_plan_and_another_one_is_not) {
    struct plan left;
    struct plan right;
    struct plan other;
    plan_init(&left, PLAN_POISSON, 1000, START_NS, 5);
    plan_init(&right, PLAN_POISSON, 1000, START_NS, 5);
    plan_init(&other, PLAN_POISSON, 1000, START_NS, 6);
    bool is_different = false;
    for (unsigned i = 0; i < 100; i++) {
        uint64_t intended_ns = plan_take_ns(&left, 0);
        cr_assert_eq(intended_ns, plan_take_ns(&right, 0));
        is_different = is_different || intended_ns != plan_take_ns(&other, 0);
    }
    cr_expect(is_different);
}
