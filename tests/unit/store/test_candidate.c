/* SPDX-License-Identifier: MIT
 *
 * Which segment is emptied before room is short: how much memory keys take that are written over and over. What goes where
 * room is short: test_evict.c.
 */
#include "fixture.h"

enum { KEYS_SIZE = 2 * FIXTURE_MIB };

static uint64_t log_size(struct fixture *fixture) {
    struct store_levels levels = fixture_levels(fixture);
    return levels.small_size + levels.main_size + levels.open_size + levels.retired_size;
}

static uint64_t items_size(struct fixture *fixture) {
    return fixture_levels(fixture).items_size;
}

/* Open segments, what is being emptied and what waits for readers. */
static uint64_t slack(struct fixture *fixture) {
    return 10 * (uint64_t)fixture_levels(fixture).segment_size;
}

static void set_all(struct fixture *fixture, unsigned count, size_t value_size) {
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(fixture_set_number(fixture, i, value_size), STORE_OK);
    }
}

/* Writes keys over, evenly, as often as there are keys times `turnovers`; the most that the log took at any time. */
static uint64_t overwrite(struct fixture *fixture, unsigned count, size_t value_size, unsigned turnovers) {
    uint64_t largest = 0;
    struct random random = fixture_random();
    for (unsigned i = 0; i < count * turnovers; i++) {
        cr_assert_eq(fixture_set_number(fixture, random_below(&random, count), value_size), STORE_OK);
        if (i % 16 == 0) {
            fixture_turn(fixture, 1);
            uint64_t size = log_size(fixture);
            largest = size > largest ? size : largest;
        }
    }
    return largest;
}

static void expect_all(struct fixture *fixture, unsigned count) {
    struct item_view view;
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(fixture_get_number(fixture, i, &view), STORE_OK);
        cr_assert_eq(view.value.data[0], 'a' + (char)(i % 26));
    }
    cr_expect_eq(fixture_count(fixture, evictions), 0);
}

Test(candidate, keys_written_over_and_over_take_twice_what_lives) {
    struct fixture fixture = fixture_open();
    enum { VALUE_SIZE = 100, COUNT = KEYS_SIZE / VALUE_SIZE };
    set_all(&fixture, COUNT, VALUE_SIZE);
    uint64_t largest = overwrite(&fixture, COUNT, VALUE_SIZE, 12);
    cr_expect_leq(largest, 2 * items_size(&fixture) + slack(&fixture));
    cr_expect_gt(fixture_levels(&fixture).memory_size_max, 3 * largest, "the limit would have allowed more");
    expect_all(&fixture, COUNT);
    fixture_close(&fixture);
}

Test(candidate, large_values_written_over_and_over_take_three_times_what_lives) {
    struct store_config config = fixture_config();
    config.memory_size_max = 64 * FIXTURE_MIB;
    struct fixture fixture = fixture_open_with(config);
    enum { VALUE_SIZE = 4200, COUNT = 4 * KEYS_SIZE / VALUE_SIZE };
    set_all(&fixture, COUNT, VALUE_SIZE);
    uint64_t largest = overwrite(&fixture, COUNT, VALUE_SIZE, 12);
    cr_expect_leq(largest, 3 * items_size(&fixture) + slack(&fixture));
    cr_expect_gt(largest, 5 * items_size(&fixture) / 2, "twice would be copied for in vain");
    expect_all(&fixture, COUNT);
    fixture_close(&fixture);
}

Test(candidate, a_byte_is_copied_for_four_that_are_won) {
    struct fixture fixture = fixture_open();
    enum { VALUE_SIZE = 100, COUNT = KEYS_SIZE / VALUE_SIZE, TURNOVERS = 12 };
    set_all(&fixture, COUNT, VALUE_SIZE);
    overwrite(&fixture, COUNT, VALUE_SIZE, TURNOVERS);
    uint64_t written_size = TURNOVERS * items_size(&fixture);
    uint64_t moved_size = fixture_levels(&fixture).moved_size;
    cr_expect_gt(moved_size, 0);
    cr_expect_lt(moved_size, written_size * 2 / 5, "%" PRIu64 " copied, %" PRIu64 " written", moved_size,
                 written_size);
    fixture_close(&fixture);
}

Test(candidate, nothing_is_copied_while_more_lives_than_is_dead) {
    struct fixture fixture = fixture_open();
    enum { VALUE_SIZE = 100, COUNT = KEYS_SIZE / VALUE_SIZE };
    set_all(&fixture, COUNT, VALUE_SIZE);
    for (unsigned i = 0; i < COUNT; i += 2) {
        cr_assert_eq(fixture_set_number(&fixture, i, VALUE_SIZE), STORE_OK);
        fixture_turn(&fixture, 1);
    }
    cr_expect_eq(fixture_levels(&fixture).moved_size, 0);
    fixture_close(&fixture);
}

Test(candidate, what_is_written_in_its_order_is_never_copied) {
    struct fixture fixture = fixture_open();
    enum { VALUE_SIZE = 100, COUNT = KEYS_SIZE / VALUE_SIZE };
    for (unsigned turnover = 0; turnover < 12; turnover++) {
        for (unsigned i = 0; i < COUNT; i++) {
            cr_assert_eq(fixture_set_number(&fixture, i, VALUE_SIZE), STORE_OK);
            if (i % 16 == 0) {
                fixture_turn(&fixture, 1);
            }
        }
    }
    cr_expect_eq(fixture_levels(&fixture).moved_size, 0, "whole segments die");
    expect_all(&fixture, COUNT);
    fixture_close(&fixture);
}

Test(candidate, a_few_keys_may_leave_the_reserve_dead) {
    struct fixture fixture = fixture_open();
    cr_assert_eq(fixture_set(&fixture, "key", "1"), STORE_OK);
    uint64_t largest = overwrite(&fixture, 10, 1000, 1000);
    cr_expect_leq(largest, 8 * (uint64_t)fixture_levels(&fixture).segment_size + slack(&fixture));
    fixture_close(&fixture);
}
