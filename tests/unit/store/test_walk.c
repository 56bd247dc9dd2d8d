/* SPDX-License-Identifier: MIT
 *
 * Walking over all items, also while the index grows under the walk.
 */
#include "fixture.h"

enum { WALK_NUMBERS_MAX = 100000 };

struct tally {
    unsigned total;
    unsigned char seen[WALK_NUMBERS_MAX]; /* times that key-n was seen */
};

static struct tally tally;

static void count(void *user, const struct item_view *view) {
    struct tally *counted = user;
    uint64_t number;
    cr_assert(bytes_parse_u64(bytes_of(view->key.data + 4, view->key.size - 4), &number));
    counted->total++;
    counted->seen[number]++;
}

static void count_none(void *user, const struct item_view *view) {
    (void)user;
    (void)view;
    cr_assert_fail("there is nothing");
}

Test(walk, of_an_empty_store_ends) {
    struct fixture fixture = fixture_open();
    struct store_cursor cursor = {0};
    store_walk(fixture.worker, &cursor, 1000000, count, &tally);
    cr_expect(cursor.done);
    cr_expect_eq(tally.total, 0);
    fixture_close(&fixture);
}

Test(walk, sees_every_live_item_once_in_bounded_steps) {
    struct fixture fixture = fixture_open();
    enum { COUNT = 10000 };
    for (unsigned i = 0; i < COUNT; i++) {
        fixture_set_number(&fixture, i, 10);
        fixture_turn(&fixture, 0);
    }
    uint64_t homes_count = UINT64_C(1) << fixture_levels(&fixture).index_power;
    struct store_cursor cursor = {0};
    unsigned steps_count = 0;
    for (; !cursor.done; steps_count++) {
        store_walk(fixture.worker, &cursor, 16, count, &tally);
    }
    cr_expect_eq(tally.total, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        cr_assert_eq(tally.seen[i], 1);
    }
    cr_expect_geq(steps_count, homes_count / 16);
    fixture_close(&fixture);
}

Test(walk, leaves_out_what_is_expired_or_flushed) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key-1", "flushed");
    store_flush(fixture.worker, 0);
    fixture_set_expiring(&fixture, "key-2", "expired", STORE_EXPIRED);
    fixture_set(&fixture, "key-3", "live");
    struct store_cursor cursor = {0};
    store_walk(fixture.worker, &cursor, 1000000, count, &tally);
    cr_expect_eq(tally.total, 1);
    cr_expect_eq(tally.seen[3], 1);
    fixture_close(&fixture);
}

Test(walk, counts_as_no_use) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key-1", "value");
    struct store_cursor cursor = {0};
    store_walk(fixture.worker, &cursor, 1000000, count, &tally);
    cr_expect_not(fixture_get(&fixture, "key-1").fetched);
    fixture_close(&fixture);
}

Test(walk, sees_old_items_exactly_once_while_the_index_grows) {
    enum { OLD = 500, NEW = 60000 };
    struct store_config config = fixture_config();
    config.memory_size_max = 256 * FIXTURE_MIB;
    struct fixture fixture = fixture_open_with(config);
    for (unsigned i = 0; i < OLD; i++) {
        fixture_set_number(&fixture, i, 10);
    }
    uint32_t power = fixture_levels(&fixture).index_power;
    struct store_cursor cursor = {0};
    uint64_t number = OLD;
    while (!cursor.done) {
        store_walk(fixture.worker, &cursor, 1, count, &tally);
        for (unsigned i = 0; i < 500 && number < NEW; i++) {
            fixture_set_number(&fixture, number++, 10);
        }
        fixture_turn(&fixture, 0);
    }
    cr_expect_gt(fixture_levels(&fixture).index_power, power + 4, "it grew several times meanwhile");
    for (unsigned i = 0; i < OLD; i++) {
        cr_assert_eq(tally.seen[i], 1, "key-%u was seen %u times", i, tally.seen[i]);
    }
    for (unsigned i = OLD; i < NEW; i++) {
        cr_assert_leq(tally.seen[i], 1);
    }
    fixture_close(&fixture);
}

/* A walk that began on a small index; now it is large. */
static struct store_cursor begin_small_and_grow(struct fixture *fixture, unsigned count) {
    struct store_cursor cursor = {0};
    store_walk(fixture->worker, &cursor, 1, count_none, NULL);
    for (unsigned i = 0; i < count; i++) {
        fixture_set_number(fixture, i, 10);
        fixture_turn(fixture, 0);
    }
    return cursor;
}

Test(walk, visits_no_more_at_a_time_when_the_index_has_grown_since_it_began) {
    enum { COUNT = 60000, STEP_MAX = 60 /* of two homes with some 8 each */ };
    struct store_config config = fixture_config();
    config.memory_size_max = 256 * FIXTURE_MIB;
    struct fixture fixture = fixture_open_with(config);
    struct store_cursor cursor = begin_small_and_grow(&fixture, COUNT);
    while (!cursor.done) {
        unsigned before = tally.total;
        store_walk(fixture.worker, &cursor, 1, count, &tally);
        cr_assert_leq(tally.total - before, STEP_MAX, "%u at once", tally.total - before);
    }
    fixture_close(&fixture);
}

Test(walk, sees_items_that_stay_exactly_once_while_the_index_shrinks) {
    enum { COUNT = 60000, STAY = 500, BETWEEN = 50 };
    struct store_config config = fixture_config();
    config.memory_size_max = 256 * FIXTURE_MIB;
    struct fixture fixture = fixture_open_with(config);
    struct store_cursor cursor = begin_small_and_grow(&fixture, COUNT);
    uint32_t power = fixture_levels(&fixture).index_power;
    cursor = (struct store_cursor){0};
    unsigned number = STAY;
    while (!cursor.done) {
        store_walk(fixture.worker, &cursor, 1, count, &tally);
        for (unsigned i = 0; i < BETWEEN && number < COUNT; i++) {
            char text[32];
            int size = snprintf(text, sizeof(text), "key-%u", number++);
            store_delete(fixture.worker, bytes_of(text, (size_t)size), NULL, NULL);
        }
        fixture_turn(&fixture, 0);
    }
    cr_expect_lt(fixture_levels(&fixture).index_power, power - 3, "it shrank several times meanwhile");
    for (unsigned i = 0; i < STAY; i++) {
        cr_assert_eq(tally.seen[i], 1, "key-%u was seen %u times", i, tally.seen[i]);
    }
    for (unsigned i = STAY; i < COUNT; i++) {
        cr_assert_leq(tally.seen[i], 1);
    }
    fixture_close(&fixture);
}
