/* SPDX-License-Identifier: MIT
 *
 * pace: at the rate and just below it; time in which nobody looked does not count.
 */
#include "pace.h"

#include <criterion/criterion.h>

#include "riposte/clock.h"

enum { RATE_MIN = 256 };

/* Calls once a second with `size` bytes each time; how many calls were kept, at most calls_max. */
static unsigned calls_kept(size_t size, uint32_t rate_min, uint64_t gap_ms, unsigned calls_max) {
    struct pace pace;
    uint64_t now_ns = 1000 * CLOCK_NS_PER_S;
    pace_begin(&pace, now_ns, PACE_WINDOW_MS);
    for (unsigned i = 0; i < calls_max; i++) {
        now_ns += gap_ms * CLOCK_NS_PER_MS;
        if (!pace_kept(&pace, now_ns, size, rate_min)) {
            return i;
        }
    }
    return calls_max;
}

Test(pace, is_kept_at_the_rate_and_not_one_byte_below) {
    cr_expect_eq(calls_kept(RATE_MIN, RATE_MIN, 1000, 100), 100);
    cr_expect_eq(calls_kept(RATE_MIN - 1, RATE_MIN, 1000, 100), 9);
}

Test(pace, is_judged_at_the_end_of_a_window_only) {
    cr_expect_eq(calls_kept(0, RATE_MIN, 1000, 9), 9);
    cr_expect_eq(calls_kept(0, RATE_MIN, 1000, 10), 9);
    cr_expect_eq(calls_kept(0, RATE_MIN, 10, 999), 999);
    cr_expect_eq(calls_kept(0, RATE_MIN, 10, 1000), 999);
}

Test(pace, of_no_rate_is_always_kept) {
    cr_expect_eq(calls_kept(0, 0, 1000, 100), 100);
}

Test(pace, counts_no_time_in_which_the_server_did_not_look) {
    cr_expect_eq(calls_kept(RATE_MIN, RATE_MIN, 60000, 100), 100);
    cr_expect_eq(calls_kept(0, RATE_MIN, 60000, 100), 9);
}

Test(pace, forgets_a_window_that_is_over) {
    struct pace pace;
    uint64_t now_ns = 0;
    pace_begin(&pace, now_ns, PACE_WINDOW_MS);
    cr_expect(pace_kept(&pace, now_ns, 1000000, RATE_MIN));
    for (unsigned i = 0; i < 19; i++) {
        now_ns += CLOCK_NS_PER_S;
        cr_assert(pace_kept(&pace, now_ns, 0, RATE_MIN));
    }
    cr_expect_not(pace_kept(&pace, now_ns + CLOCK_NS_PER_S, 0, RATE_MIN));
}

Test(pace, is_judged_over_a_shorter_window_where_that_is_asked_for) {
    struct pace pace;
    uint64_t now_ns = 0;
    pace_begin(&pace, now_ns, 2000);
    cr_expect(pace_kept(&pace, now_ns + CLOCK_NS_PER_S, 2 * RATE_MIN - 1, RATE_MIN));
    cr_expect_not(pace_kept(&pace, now_ns + 2 * CLOCK_NS_PER_S, 0, RATE_MIN));
    pace_begin(&pace, now_ns, UINT32_MAX);
    for (unsigned i = 1; i < 10; i++) {
        cr_expect(pace_kept(&pace, now_ns + i * CLOCK_NS_PER_S, 0, RATE_MIN));
    }
    cr_expect_not(pace_kept(&pace, now_ns + 10 * CLOCK_NS_PER_S, 0, RATE_MIN));
}

Test(pace, is_judged_by_the_largest_rate_that_there_is) {
    struct pace pace;
    uint64_t now_ns = CLOCK_NS_PER_S;
    pace_begin(&pace, now_ns, PACE_WINDOW_MS);
    size_t size = (size_t)UINT32_MAX * (PACE_WINDOW_MS / 1000) - 1;
    for (unsigned second = 1; second < PACE_WINDOW_MS / 1000; second++) {
        cr_assert(pace_kept(&pace, now_ns + second * CLOCK_NS_PER_S, 0, UINT32_MAX));
    }
    cr_expect_not(pace_kept(&pace, now_ns + PACE_WINDOW_MS * CLOCK_NS_PER_MS, size, UINT32_MAX));
}

Test(pace_rate, asks_for_more_of_what_leaves_others_less_than_it_holds) {
    enum { SIZE = 3000000 };
    cr_expect_eq(pace_rate(256, SIZE, 1000, 1000), 256);
    cr_expect_eq(pace_rate(256, SIZE, 1001, 1000), SIZE / PACE_SCARCE_S);
    cr_expect_eq(pace_rate(SIZE, SIZE, 1001, 1000), SIZE, "never for less");
    cr_expect_eq(pace_rate(256, 100, 101, 100), 256);
    cr_expect_eq(pace_rate(0, SIZE, 1001, 1000), 0, "at any rate is at any rate");
    cr_expect_eq(pace_rate(256, SIZE_MAX, 1001, 1000), UINT32_MAX);
}
