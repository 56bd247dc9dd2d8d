/* SPDX-License-Identifier: MIT
 *
 * When a worker is let go from its CPU, and when it is tied to it again.
 */
#include <criterion/criterion.h>

#include "riposte/clock.h"
#include "tie.h"

enum { LOOK_MS = 100, RUNS_PER_LOOK = 500 };

/* A worker that is looked at ten times a second. */
struct watched {
    struct tie tie;
    uint64_t now_ns;
    struct run_delay seen;
    unsigned let_go, again;
};

static struct watched watched_begin(void) {
    struct watched watched = {.now_ns = 77 * CLOCK_NS_PER_S, .seen = {.waited_ns = 5, .runs_count = 3}};
    tie_init(&watched.tie, watched.now_ns, &watched.seen);
    return watched;
}

static enum tie_advice judge(struct watched *watched) {
    enum tie_advice advice = tie_judge(&watched->tie, watched->now_ns, &watched->seen);
    watched->let_go += advice == TIE_LET_GO;
    watched->again += advice == TIE_AGAIN;
    cr_assert(advice != TIE_LET_GO || watched->tie.is_loose);
    cr_assert(advice != TIE_AGAIN || !watched->tie.is_loose);
    return advice;
}

/* So long, with `waited_us` waited between two looks beside what is usual on a free CPU. */
static void pass(struct watched *watched, unsigned seconds, unsigned waited_us) {
    for (unsigned i = 0; i < seconds * 1000 / LOOK_MS; i++) {
        watched->now_ns += LOOK_MS * CLOCK_NS_PER_MS;
        watched->seen.runs_count += RUNS_PER_LOOK;
        watched->seen.waited_ns += RUNS_PER_LOOK * TIE_FREE_WAIT_NS + waited_us * CLOCK_NS_PER_US;
        judge(watched);
    }
}

/* Until the next change of one who waits `tied_us` between two looks while tied, and `loose_us` while loose. ms of it. */
static uint64_t change_ms(struct watched *watched, unsigned tied_us, unsigned loose_us) {
    uint64_t began_ns = watched->now_ns;
    unsigned changes = watched->let_go + watched->again;
    while (watched->let_go + watched->again == changes) {
        watched->now_ns += LOOK_MS * CLOCK_NS_PER_MS;
        watched->seen.waited_ns += (watched->tie.is_loose ? loose_us : tied_us) * CLOCK_NS_PER_US;
        judge(watched);
        cr_assert_lt(watched->now_ns - began_ns, 3600 * CLOCK_NS_PER_S);
    }
    return (watched->now_ns - began_ns) / CLOCK_NS_PER_MS;
}

Test(tie, holds_while_the_cpu_is_free) {
    struct watched watched = watched_begin();
    pass(&watched, 3600, 0);
    cr_assert_eq(watched.let_go, 0);
    cr_assert_not(watched.tie.is_loose);
}

Test(tie, holds_below_the_bound_and_not_at_it) {
    const unsigned bound_us = TIE_WAIT_MS_MAX * 1000 * LOOK_MS / TIE_WINDOW_MS;
    struct watched watched = watched_begin();
    pass(&watched, 3600, bound_us - 1);
    cr_assert_eq(watched.let_go, 0);
    pass(&watched, 1, bound_us + 1);
    cr_assert_eq(watched.let_go, 1);
}

Test(tie, is_given_up_as_soon_as_a_window_is_sure_to_be_bad) {
    struct watched watched = watched_begin();
    cr_assert_eq(change_ms(&watched, TIE_WAIT_MS_MAX * 1000, 0), LOOK_MS);
    cr_assert(watched.tie.is_loose);
}

Test(tie, survives_a_short_disturbance) {
    struct watched watched = watched_begin();
    for (int i = 0; i < 100; i++) {
        pass(&watched, 1, 0);
        watched.seen.waited_ns += (TIE_WAIT_MS_MAX - 1) * CLOCK_NS_PER_MS;
        pass(&watched, 1, 0);
    }
    cr_assert_eq(watched.let_go, 0);
}

Test(tie, of_an_idle_worker_is_judged_by_all_the_time_that_passed) {
    struct watched watched = watched_begin();
    watched.now_ns += 60 * CLOCK_NS_PER_S;
    watched.seen.waited_ns += 60 * TIE_WAIT_MS_MAX * CLOCK_NS_PER_MS - 1;
    cr_assert_eq(judge(&watched), TIE_STAY);
    watched.now_ns += 60 * CLOCK_NS_PER_S;
    watched.seen.waited_ns += 60 * TIE_WAIT_MS_MAX * CLOCK_NS_PER_MS;
    cr_assert_eq(judge(&watched), TIE_LET_GO);
}

Test(tie, comes_back_after_a_rest) {
    struct watched watched = watched_begin();
    change_ms(&watched, 50000, 0);
    cr_assert_eq(change_ms(&watched, 0, 0), TIE_REST_MS_MIN);
    pass(&watched, 3600, 0);
    cr_assert_eq(watched.let_go, 1);
    cr_assert_eq(watched.again, 1);
}

Test(tie, does_not_come_back_while_others_are_in_the_way_elsewhere_too) {
    struct watched watched = watched_begin();
    pass(&watched, 3600, 50000);
    cr_assert_eq(watched.let_go, 1);
    cr_assert_eq(watched.again, 0);
    pass(&watched, 2, 0);
    cr_assert_eq(watched.again, 1);
}

Test(tie, trials_in_vain_come_ever_more_seldom) {
    struct watched watched = watched_begin();
    change_ms(&watched, 50000, 0);
    for (uint64_t rest_ms = TIE_REST_MS_MIN; rest_ms < TIE_REST_MS_MAX; rest_ms *= 2) {
        cr_assert_eq(change_ms(&watched, 50000, 0), rest_ms);
        cr_assert_eq(change_ms(&watched, 50000, 0), LOOK_MS);
    }
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(change_ms(&watched, 50000, 0), TIE_REST_MS_MAX);
        cr_assert_eq(change_ms(&watched, 50000, 0), LOOK_MS);
    }
}

Test(tie, a_trial_that_lasts_as_long_as_the_rest_brings_the_shortest_rest_again) {
    struct watched watched = watched_begin();
    for (int i = 0; i < 4; i++) {
        change_ms(&watched, 50000, 0);
        change_ms(&watched, 50000, 0);
    }
    uint64_t rest_s = watched.tie.rest_ms / 1000;
    cr_assert_gt(rest_s, TIE_REST_MS_MIN / 1000);
    pass(&watched, (unsigned)rest_s, 0);
    change_ms(&watched, 50000, 0);
    cr_assert_eq(change_ms(&watched, 50000, 0), TIE_REST_MS_MIN);
}

/* A program that comes and goes each second would else have the worker move twice a second. */
Test(tie, does_not_flap) {
    struct watched watched = watched_begin();
    for (int i = 0; i < 1800; i++) {
        pass(&watched, 1, 50000);
        pass(&watched, 1, 0);
    }
    cr_assert_leq(watched.let_go, 3600 / 640 + 7);
}

Test(tie, numbers_that_go_back_say_nothing) {
    struct watched watched = watched_begin();
    pass(&watched, 2, 0);
    watched.seen = (struct run_delay){.waited_ns = 0};
    watched.now_ns += 2 * CLOCK_NS_PER_S;
    cr_assert_eq(judge(&watched), TIE_STAY);
    cr_assert_eq(watched.let_go, 0);
}
