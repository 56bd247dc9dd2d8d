/* SPDX-License-Identifier: MIT
 *
 * The sweep: when it wakes, what it finds, and that it rests.
 */
#include "fixture.h"

static void fill_expiring(struct fixture *fixture, unsigned count, uint32_t expires_tick) {
    for (unsigned i = 0; i < count; i++) {
        char key[32];
        snprintf(key, sizeof(key), "%u-%u", expires_tick, i);
        cr_assert_eq(fixture_set_expiring(fixture, key, "value", expires_tick), STORE_OK);
        fixture_turn(fixture, 0);
    }
}

/* An idle worker's life: sleeps as long as it was told; at most `turns_max` turns. */
static unsigned sleep_until_done(struct fixture *fixture, unsigned turns_max) {
    unsigned turns_count = 0;
    for (unsigned wait_ms = fixture_turn(fixture, 0); wait_ms != 0 && turns_count < turns_max;
         turns_count++) {
        wait_ms = fixture_turn(fixture, wait_ms);
    }
    return turns_count;
}

Test(sweep, rests_while_nothing_can_expire) {
    struct fixture fixture = fixture_open();
    cr_expect_eq(fixture_turn(&fixture, 0), 0);
    for (unsigned i = 0; i < 1000; i++) {
        fixture_set_number(&fixture, i, 10);
        fixture_turn(&fixture, 0);
    }
    cr_expect_leq(sleep_until_done(&fixture, 2000), 1000, "growth ends too");
    cr_expect_eq(fixture_count(&fixture, sweep_checked), 0);
    fixture_close(&fixture);
}

Test(sweep, sleeps_until_the_first_expiry) {
    struct fixture fixture = fixture_open();
    fixture_set_expiring(&fixture, "late", "value", store_expiry(fixture.worker, 100));
    fixture_set_expiring(&fixture, "early", "value", store_expiry(fixture.worker, 20));
    cr_expect_eq(fixture_turn(&fixture, 0), 20000);
    fixture_close(&fixture);
}

Test(sweep, wakes_for_a_touch_that_brings_the_end_nearer) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    cr_expect_eq(fixture_turn(&fixture, 0), 0);
    store_touch(fixture.worker, text("key"), store_expiry(fixture.worker, 7));
    cr_expect_eq(fixture_turn(&fixture, 0), 7000);
    fixture_close(&fixture);
}

Test(sweep, finds_expired_items_that_nobody_asks_for) {
    struct fixture fixture = fixture_open();
    fill_expiring(&fixture, 3000, store_expiry(fixture.worker, 5));
    fill_expiring(&fixture, 3000, store_expiry(fixture.worker, 500));
    fixture_set(&fixture, "forever", "value");
    fixture_turn(&fixture, 5000);
    for (unsigned second = 0; second < 10; second++) {
        fixture_turn(&fixture, 1000);
    }
    struct store_levels levels = fixture_levels(&fixture);
    cr_expect_eq(levels.items_count, 3001);
    cr_expect_eq(counter_read(&levels.sums.swept), 3000);
    cr_expect_eq(counter_read(&levels.sums.reclaimed), 3000);
    cr_expect_eq(counter_read(&levels.sums.expired_unfetched), 3000);
    sleep_until_done(&fixture, 1000);
    cr_expect_eq(fixture_levels(&fixture).items_count, 1);
    cr_expect_eq(fixture_turn(&fixture, 0), 0, "then it rests for good");
    fixture_close(&fixture);
}

Test(sweep, gives_back_flushed_items) {
    struct fixture fixture = fixture_open();
    for (unsigned i = 0; i < 1000; i++) {
        fixture_set_number(&fixture, i, 10);
    }
    store_flush(fixture.worker, 0);
    sleep_until_done(&fixture, 100);
    struct store_levels levels = fixture_levels(&fixture);
    cr_expect_eq(levels.items_count, 0);
    cr_expect_eq(counter_read(&levels.sums.swept), 1000);
    cr_expect_eq(counter_read(&levels.sums.expired_unfetched), 0);
    fixture_close(&fixture);
}

Test(sweep, wakes_an_idle_worker_at_most_once_a_second) {
    struct fixture fixture = fixture_open();
    fill_expiring(&fixture, 5000, store_expiry(fixture.worker, 5));
    fixture_turn(&fixture, 5000);
    for (unsigned i = 0; i < 5; i++) {
        unsigned wait_ms = fixture_turn(&fixture, 1000);
        cr_expect(wait_ms == 0 || wait_ms >= 1000 || fixture_levels(&fixture).retired_count != 0, "%u ms",
                  wait_ms);
    }
    fixture_close(&fixture);
}

Test(sweep, looks_at_a_bounded_number_of_items_per_turn) {
    struct fixture fixture = fixture_open();
    fill_expiring(&fixture, 20000, store_expiry(fixture.worker, 5));
    fixture_turn(&fixture, 5000);
    uint64_t checked_before = fixture_count(&fixture, sweep_checked);
    for (unsigned turn = 0; turn < 1000; turn++) {
        fixture_turn(&fixture, 5); /* a busy worker */
        uint64_t checked = fixture_count(&fixture, sweep_checked);
        cr_assert_leq(checked - checked_before, 256 * 12);
        checked_before = checked;
    }
    cr_expect_eq(fixture_count(&fixture, swept), 20000, "and yet it comes to an end in five seconds");
    fixture_close(&fixture);
}

Test(sweep, goes_on_while_the_index_grows) {
    struct fixture fixture = fixture_open();
    uint32_t expires_tick = store_expiry(fixture.worker, 3);
    for (unsigned i = 0; i < 60000; i++) {
        char key[32];
        snprintf(key, sizeof(key), "mixed-%u", i);
        fixture_set_expiring(&fixture, key, "v", i % 2 == 0 ? expires_tick : STORE_EXPIRES_NEVER);
        if (i % 30 == 0) {
            fixture_turn(&fixture, 3);
        }
    }
    sleep_until_done(&fixture, 10000);
    cr_expect_eq(fixture_levels(&fixture).items_count, 30000);
    fixture_close(&fixture);
}
