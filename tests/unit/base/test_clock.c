/* SPDX-License-Identifier: MIT
 *
 * The clocks agree with the system's and the monotonic one does not run backwards.
 */
#include <criterion/criterion.h>
#include <time.h>

#include "riposte/clock.h"

Test(clock, monotonic_time_never_goes_back) {
    uint64_t last_ns = clock_monotonic_ns();
    for (int i = 0; i < 10000; i++) {
        uint64_t now_ns = clock_monotonic_ns();
        cr_assert_geq(now_ns, last_ns);
        last_ns = now_ns;
    }
}

Test(clock, real_time_lies_between_two_readings_of_the_system) {
    /* time(2) shows the clock as of the last timer tick, which may fall into the second before. */
    uint64_t before_s = (uint64_t)time(NULL);
    uint64_t now_ns = clock_real_ns();
    uint64_t after_s = (uint64_t)time(NULL);
    cr_expect_geq(now_ns / CLOCK_NS_PER_S, before_s);
    cr_expect_leq(now_ns / CLOCK_NS_PER_S, after_s + 1);
}

Test(clock, units_fit_together) {
    cr_expect_eq(CLOCK_NS_PER_MS, 1000 * CLOCK_NS_PER_US);
    cr_expect_eq(CLOCK_NS_PER_S, 1000 * CLOCK_NS_PER_MS);
}
