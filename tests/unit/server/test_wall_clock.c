/* SPDX-License-Identifier: MIT
 *
 * The store's clock beside a machine that sleeps and a wall clock that is set. Times are made up, but for one test.
 */
#include "wall_clock.h"

#include <criterion/criterion.h>

#include "riposte/clock.h"
#include "riposte/store.h"

enum { MIB = 1024 * 1024, DAY_S = 86400 };

static const int64_t second_ns = (int64_t)CLOCK_NS_PER_S;
static struct store *store;
static struct store_worker *worker;
static struct wall_clock wall;
static struct wall_times times;
static int64_t start_s; /* seconds since 1970 */

static void set_up(void) {
    const struct store_config config = {
        .memory_size_max = 16 * MIB, .item_size_max = MIB, .evict = true, .workers_max = 1};
    cr_assert_eq(store_create(&config, &store), 0);
    worker = store_worker_join(store, clock_monotonic_ns());
    times = wall_times_read();
    start_s = times.real_ns / second_ns;
    wall_clock_init(&wall, &times);
}

static void tear_down(void) {
    store_worker_leave(worker);
    store_destroy(store);
}

TestSuite(wall_clock, .init = set_up, .fini = tear_down);

/* Seconds from the store's now to an absolute time. */
static int64_t seconds_until(int64_t unix_s) {
    uint32_t tick = store_expiry(worker, unix_s);
    cr_assert_gt(tick, STORE_EXPIRED);
    return (int64_t)tick - store_now_tick(worker);
}

static void let_pass(int64_t monotonic_s, int64_t suspended_s, int64_t set_ms) {
    times.monotonic_ns += monotonic_s * second_ns;
    times.boot_ns += (monotonic_s + suspended_s) * second_ns;
    times.real_ns += (monotonic_s + suspended_s) * second_ns + set_ms * (second_ns / 1000);
    wall_clock_follow(&wall, &times, store);
}

Test(wall_clock, that_just_runs_changes_nothing) {
    uint32_t tick = store_now_tick(worker);
    let_pass(100, 0, 0);
    cr_expect_eq(store_now_tick(worker), tick);
    int64_t left_s = seconds_until(start_s + 60 * DAY_S);
    cr_expect(left_s >= 60 * DAY_S - 1 && left_s <= 60 * DAY_S + 1);
}

Test(wall_clock, of_a_machine_that_was_suspended_ages_the_items_by_as_much) {
    uint32_t tick = store_now_tick(worker);
    int64_t before_s = seconds_until(start_s + 60 * DAY_S);
    let_pass(1, 3600, 0);
    cr_expect_eq(store_now_tick(worker), tick + 3600, "a time to live counts the suspended hour");
    cr_expect_eq(seconds_until(start_s + 60 * DAY_S), before_s - 3600, "and so does an absolute time");
}

Test(wall_clock, that_was_set_takes_absolute_times_along_and_leaves_times_to_live_alone) {
    uint32_t tick = store_now_tick(worker);
    int64_t before_s = seconds_until(start_s + 60 * DAY_S);
    let_pass(1, 0, 7200 * 1000);
    cr_expect_eq(store_now_tick(worker), tick);
    cr_expect_eq(seconds_until(start_s + 60 * DAY_S), before_s - 7200, "two hours nearer");
    let_pass(1, 0, -7200 * 1000);
    cr_expect_eq(seconds_until(start_s + 60 * DAY_S), before_s, "and back");
    cr_expect_eq(store_tick_unix_s(worker, (uint32_t)(tick + before_s)), start_s + 60 * DAY_S);
}

Test(wall_clock, set_by_small_steps_is_followed_once_they_are_a_second) {
    int64_t before_s = seconds_until(start_s + 60 * DAY_S);
    let_pass(1, 0, 600);
    cr_expect_eq(seconds_until(start_s + 60 * DAY_S), before_s);
    let_pass(1, 0, 600);
    cr_expect_eq(seconds_until(start_s + 60 * DAY_S), before_s - 1);
    let_pass(1, 0, -600);
    let_pass(1, 0, -600);
    cr_expect_eq(seconds_until(start_s + 60 * DAY_S), before_s);
}

/* A look reads three clocks one after the other. */
Test(wall_clock, set_by_almost_two_hours_was_set_by_two_hours) {
    int64_t before_s = seconds_until(start_s + 60 * DAY_S);
    let_pass(1, 0, -7200 * 1000 + 1);
    cr_expect_eq(seconds_until(start_s + 60 * DAY_S), before_s + 7200);
    let_pass(1, 0, -1);
    cr_expect_eq(seconds_until(start_s + 60 * DAY_S), before_s + 7200);
}

/* A store that another process has had, which did not live to see the clock being set. */
static void expect_told(int64_t unheard_s) {
    int64_t before_s = seconds_until(start_s + 60 * DAY_S);
    uint32_t tick = store_now_tick(worker);
    store_clock_shift_wall(store, -unheard_s);
    struct wall_clock new;
    times = wall_times_read();
    wall_clock_init(&new, &times);
    wall_clock_turn(&new, store, (uint64_t)times.monotonic_ns);
    int64_t after_s = seconds_until(start_s + 60 * DAY_S);
    cr_expect(after_s >= before_s - 1 && after_s <= before_s + 1, "%jd", (intmax_t)(after_s - before_s));
    cr_expect_eq(store_now_tick(worker), tick, "times to live stay");
}

Test(wall_clock, that_was_set_while_nobody_looked_is_told_to_the_store_at_first) {
    expect_told(5 * 3600);
    expect_told(-5 * 3600);
    expect_told(0);
}

Test(wall_clock, is_compared_once_a_second) {
    uint64_t look_ns = atomic_load(&wall.look_ns);
    wall_clock_turn(&wall, store, look_ns - 1);
    cr_expect_eq(atomic_load(&wall.look_ns), look_ns);
    wall_clock_turn(&wall, store, look_ns);
    cr_expect_eq(atomic_load(&wall.look_ns), look_ns + CLOCK_NS_PER_S);
}
