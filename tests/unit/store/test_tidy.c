/* SPDX-License-Identifier: MIT
 *
 * Tidying: what an idle worker is woken for, and that it comes to an end.
 */
#include "fixture.h"
#include "memory.h"

/* Turns as an idle worker has them; returns how many until nothing wakes it any more, at most `turns_max`. */
static unsigned rest(struct fixture *fixture, unsigned turns_max) {
    unsigned turns_count = 0;
    for (unsigned wait_ms = fixture_turn(fixture, 1); wait_ms != 0 && turns_count < turns_max;
         turns_count++) {
        wait_ms = fixture_turn(fixture, wait_ms);
    }
    return turns_count;
}

Test(tidy, an_idle_worker_of_a_store_with_room_ends_with_an_empty_shelf) {
    struct fixture fixture = fixture_open();
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 100; i++) {
            fixture_set_number(&fixture, i, 100);
            fixture_turn(&fixture, 1);
        }
    }
    cr_expect_eq(fixture.worker->shelf.size != 0, MEMORY_KEEPS_FREED != 0);
    cr_expect_leq(rest(&fixture, 100), 10);
    cr_expect_eq(fixture.worker->shelf.size, 0);
    cr_expect_eq(fixture_turn(&fixture, 100000), 0);
    fixture_close(&fixture);
}

Test(tidy, what_is_on_the_shelf_is_charged) {
    struct fixture fixture = fixture_open();
    struct item *item;
    cr_assert_eq(store_item_create(fixture.worker, text("key"), false, 0, 0, 10000, &item), STORE_OK);
    uint64_t before = fixture_levels(&fixture).memory_size;
    store_item_discard(fixture.worker, item);
    uint64_t kept = MEMORY_KEEPS_FREED != 0 ? 0 : store_item_charge(3, 10000, false);
    cr_expect_eq(fixture_levels(&fixture).memory_size, before - kept);
    cr_assert_eq(store_item_create(fixture.worker, text("key"), false, 0, 0, 10000, &item), STORE_OK);
    cr_expect_eq(fixture_levels(&fixture).memory_size, before, "the same block, charged once");
    store_item_discard(fixture.worker, item);
    fixture_close(&fixture);
}

Test(tidy, an_idle_worker_of_a_full_store_is_woken_ever_more_seldom) {
    struct store_config config = fixture_config();
    config.memory_size_max = 2 * FIXTURE_MIB;
    struct fixture fixture = fixture_open_with(config);
    for (unsigned i = 0; i < 30000; i++) {
        fixture_set_number(&fixture, i, 100);
        if (i % 50 == 0) {
            fixture_turn(&fixture, 1);
        }
    }
    for (unsigned i = 0; i < 20; i++) {
        fixture_turn(&fixture, 1000);
    }
    unsigned turns_count = 0;
    for (uint64_t slept_ms = 0; slept_ms < 600 * 1000; turns_count++) {
        unsigned wait_ms = fixture_turn(&fixture, 0);
        cr_assert_neq(wait_ms, 0, "others may fill the store from now on");
        slept_ms += wait_ms;
        fixture.now_ns += wait_ms * CLOCK_NS_PER_MS;
    }
    cr_expect_leq(turns_count, 30, "%u times in ten minutes", turns_count);
    fixture_close(&fixture);
}
