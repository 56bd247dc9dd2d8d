/* SPDX-License-Identifier: MIT
 *
 * The sweep of what has expired: when it wakes, what it finds, and that it rests.
 */
#include "fixture.h"
#include "segment.h"

static void fill_expiring(struct fixture *fixture, unsigned count, uint32_t expires_tick) {
    for (unsigned i = 0; i < count; i++) {
        char key[32];
        snprintf(key, sizeof(key), "%u-%u", expires_tick, i);
        cr_assert_eq(fixture_set_expiring(fixture, key, "value", expires_tick), STORE_OK);
        fixture_turn(fixture, 0);
    }
}

static unsigned sleeps_until_nothing_moves(struct fixture *fixture) {
    unsigned wait_ms = fixture_turn(fixture, 0);
    for (unsigned turn = 0; turn < 100 && wait_ms < 100; turn++) {
        wait_ms = fixture_turn(fixture, 0);
    }
    return wait_ms;
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
    cr_expect_eq(sleeps_until_nothing_moves(&fixture), 22000);
    fixture_close(&fixture);
}

Test(sweep, wakes_for_a_touch_that_brings_the_end_nearer) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    cr_expect_eq(fixture_turn(&fixture, 0), 0);
    store_touch(fixture.worker, text("key"), store_expiry(fixture.worker, 7));
    cr_expect_eq(sleeps_until_nothing_moves(&fixture), 9000);
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
    sleep_until_done(&fixture, 2000);
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

Test(sweep, gives_memory_back_within_seconds) {
    struct fixture fixture = fixture_open();
    uint64_t before = fixture_levels(&fixture).memory_size;
    fill_expiring(&fixture, 20000, store_expiry(fixture.worker, 5));
    fixture_turn(&fixture, 5000);
    for (unsigned ms = 0; ms < 3000; ms++) {
        fixture_turn(&fixture, 1);
    }
    struct store_levels levels = fixture_levels(&fixture);
    cr_expect_eq(levels.items_count, 0);
    cr_expect_leq(levels.memory_size - levels.free_size, before + 192 * 1024, "but for overflow buckets");
    fixture_close(&fixture);
}

Test(sweep, looks_at_a_bounded_number_of_items_per_turn) {
    struct fixture fixture = fixture_open();
    for (unsigned i = 0; i < 20000; i++) {
        char key[32];
        snprintf(key, sizeof(key), "%u", i);
        cr_assert_eq(fixture_set_expiring(&fixture, key, "value", store_expiry(fixture.worker, 1 + i % 40)),
                     STORE_OK);
    }
    uint64_t swept_before = 0;
    for (unsigned turn = 0; turn < 50000; turn++) {
        fixture_turn(&fixture, 2); /* a busy worker */
        uint64_t swept = fixture_count(&fixture, swept);
        cr_assert_leq(swept - swept_before, 1024 + 2048 + 32);
        swept_before = swept;
    }
    cr_expect_eq(fixture_count(&fixture, swept), 20000);
    fixture_close(&fixture);
}

Test(sweep, finds_what_was_touched_to_an_earlier_end) {
    struct fixture fixture = fixture_open();
    fill_expiring(&fixture, 2000, store_expiry(fixture.worker, 600));
    fixture_set_expiring(&fixture, "early", "value", store_expiry(fixture.worker, 600));
    fill_expiring(&fixture, 2000, store_expiry(fixture.worker, 601));
    store_touch(fixture.worker, text("early"), store_expiry(fixture.worker, 5));
    for (unsigned second = 0; second < 40; second++) {
        fixture_turn(&fixture, 1000);
    }
    cr_expect_eq(fixture_count(&fixture, swept), 1);
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

Test(sweep, does_not_look_for_what_ends_with_the_last_tick_of_the_clock) {
    struct fixture fixture = fixture_open();
    static const char *const keys[] = {"one", "two", "three"};
    for (uint32_t before_end = 1; before_end <= 3; before_end++) {
        int64_t unix_s = (int64_t)store_tick_unix_s(fixture.worker, UINT32_MAX - before_end);
        uint32_t expires_tick = store_expiry(fixture.worker, unix_s);
        cr_assert_eq(expires_tick, UINT32_MAX - before_end);
        fixture_set_expiring(&fixture, keys[before_end - 1], "value", expires_tick);
        segment_close_all(fixture.worker);
    }
    for (unsigned second = 0; second < 100; second++) {
        fixture_turn(&fixture, 1000);
    }
    cr_expect_eq(fixture_count(&fixture, sweep_checked), 0);
    for (uint32_t before_end = 1; before_end <= 3; before_end++) {
        cr_expect_eq(fixture_get(&fixture, keys[before_end - 1]).expires_tick, UINT32_MAX - before_end);
    }
    fixture_close(&fixture);
}

Test(sweep, leaves_a_segment_alone_in_which_an_item_is_not_stored_yet) {
    struct fixture fixture = fixture_open();
    struct item *item;
    fill_expiring(&fixture, 100, store_expiry(fixture.worker, 5));
    cr_assert_eq(
        store_item_create(fixture.worker, text("key"), false, 0, store_expiry(fixture.worker, 500), 5, &item),
        STORE_OK);
    memcpy(store_item_value(item), "value", 5);
    segment_close_all(fixture.worker);
    for (unsigned second = 0; second < 60; second++) {
        fixture_turn(&fixture, 1000); /* all others of the segment have expired, and are swept */
    }
    cr_assert_eq(fixture_count(&fixture, swept), 100);
    static const struct put_options set = {.mode = PUT_SET};
    cr_assert_eq(store_put(fixture.worker, &item, &set, NULL), STORE_OK);
    for (unsigned turn = 0; turn < 20; turn++) {
        fixture_turn(&fixture, 1);
    }
    for (uint64_t number = 0; number < 20000; number++) {
        fixture_set_number(&fixture, number, 100); /* whatever is free is used */
    }
    struct item_view view;
    cr_assert_eq(store_get(fixture.worker, text("key"), &view), STORE_OK);
    cr_expect(bytes_equal_string(view.value, "value"));
    fixture_close(&fixture);
}
