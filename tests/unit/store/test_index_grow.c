/* SPDX-License-Identifier: MIT
 *
 * Growth of the index, and its shrinking: that they happen, bit by bit, and that nothing gets lost meanwhile.
 */
#include "fixture.h"
#include "index_grow.h"

static struct store_config roomy_config(void) {
    struct store_config config = fixture_config();
    config.memory_size_max = 256 * FIXTURE_MIB;
    return config;
}

static void expect_all(struct fixture *fixture, uint64_t count) {
    struct item_view view;
    for (uint64_t number = 0; number < count; number++) {
        cr_assert_eq(fixture_get_number(fixture, number, &view), STORE_OK, "key-%" PRIu64 " of %" PRIu64,
                     number, count);
    }
}

static uint64_t homes_count(const struct fixture *fixture) {
    return index_homes_count(&fixture->store->index);
}

static void delete_number(struct fixture *fixture, uint64_t number) {
    char key[32];
    snprintf(key, sizeof(key), "key-%" PRIu64, number);
    cr_assert_eq(store_delete(fixture->worker, text(key), NULL, NULL), STORE_OK);
}

static void fill(struct fixture *fixture, uint64_t count) {
    for (uint64_t number = 0; number < count; number++) {
        cr_assert_eq(fixture_set_number(fixture, number, 8), STORE_OK);
        if (number % 64 == 0) {
            fixture_turn(fixture, 0);
        }
    }
}

Test(index_grow, keeps_up_with_the_items_and_loses_none) {
    struct fixture fixture = fixture_open_with(roomy_config());
    enum { COUNT = 200000 };
    fill(&fixture, COUNT);
    expect_all(&fixture, COUNT);
    struct store_levels levels = fixture_levels(&fixture);
    cr_expect_eq(levels.items_count, COUNT);
    cr_expect_geq(homes_count(&fixture), COUNT / 8 - 100, "at most about 8 items a home");
    cr_expect_leq(homes_count(&fixture), COUNT / 7);
    cr_expect_leq(levels.index_size, COUNT * 12, "%" PRIu64 " bytes an item", levels.index_size / COUNT);
    fixture_close(&fixture);
}

Test(index_grow, finds_every_item_at_every_moment) {
    struct fixture fixture = fixture_open();
    uint64_t homes_before = homes_count(&fixture), moments_count = 0;
    for (uint64_t number = 0; number < 6000; number++) {
        cr_assert_eq(fixture_set_number(&fixture, number, 8), STORE_OK);
        if (homes_count(&fixture) != homes_before) {
            homes_before = homes_count(&fixture);
            expect_all(&fixture, number + 1);
            cr_assert(index_check(fixture.store));
            moments_count++;
        }
    }
    cr_expect_gt(moments_count, 50);
    fixture_close(&fixture);
}

Test(index_grow, by_one_home_at_a_time_finds_every_item) {
    struct fixture fixture = fixture_open();
    enum { COUNT = 1500 };
    for (uint64_t number = 0; number < COUNT; number++) {
        fixture_set_number(&fixture, number, 8);
    }
    atomic_store(&fixture.store->index.items_count, 1000000); /* it believes that there are many */
    for (unsigned step = 0; step < 200; step++) {
        index_resize(fixture.worker, 1);
        cr_assert(index_check(fixture.store));
        expect_all(&fixture, COUNT);
    }
    cr_expect_geq(homes_count(&fixture), 64 + 200);
    atomic_store(&fixture.store->index.items_count, 0); /* or none */
    while (homes_count(&fixture) > 64) {
        index_resize(fixture.worker, 1);
        cr_assert(index_check(fixture.store));
        expect_all(&fixture, COUNT);
    }
    fixture_close(&fixture);
}

Test(index_grow, goes_on_without_stores) {
    struct fixture fixture = fixture_open_with(roomy_config());
    for (uint64_t number = 0; number < 100; number++) {
        fixture_set_number(&fixture, number, 8);
    }
    atomic_store(&fixture.store->index.items_count, 8 * 2000);
    unsigned turns_count = 0;
    while (fixture_turn(&fixture, 1) != 0) {
        cr_assert_lt(++turns_count, 1000);
    }
    cr_expect_geq(turns_count, (2000 - 64) / INDEX_STEPS_TURN, "a bounded number of homes in a turn");
    cr_expect_eq(homes_count(&fixture), 2000);
    expect_all(&fixture, 100);
    fixture_close(&fixture);
}

Test(index_grow, shrinks_and_gives_memory_back) {
    struct fixture fixture = fixture_open_with(roomy_config());
    enum { COUNT = 400000 };
    fill(&fixture, COUNT);
    uint64_t size_before = fixture_levels(&fixture).index_size;
    for (uint64_t number = 0; number < COUNT; number++) {
        if (number % 5 > 1) {
            delete_number(&fixture, number);
        }
        if (number % 64 == 0) {
            fixture_turn(&fixture, 1);
        }
    }
    for (unsigned turn = 0; turn < 1000; turn++) {
        fixture_turn(&fixture, 1);
    }
    struct item_view view;
    for (uint64_t number = 0; number < COUNT; number++) {
        cr_assert_eq(fixture_get_number(&fixture, number, &view), number % 5 > 1 ? STORE_MISS : STORE_OK);
    }
    cr_expect_leq(homes_count(&fixture), COUNT * 2 / 5 / 7 + 100);
    cr_expect_leq(fixture_levels(&fixture).index_size, size_before * 6 / 10);
    fixture_close(&fixture);
}

Test(index_grow, does_without_when_memory_is_short) {
    struct store_config config = fixture_config();
    config.evict = false;
    config.memory_size_max = 300 * 1024;
    config.item_size_max = 1024;
    config.index_power_min = 10;
    struct fixture fixture = fixture_open_with(config);
    uint64_t count = 0;
    while (fixture_set_number(&fixture, count, 0) == STORE_OK) {
        count++;
    }
    cr_expect_gt(count, 4500, "%" PRIu64 " items", count);
    expect_all(&fixture, count);
    fixture_close(&fixture);
}

Test(index_grow, makes_room_for_itself_in_a_full_store) {
    struct store_config config = fixture_config();
    config.memory_size_max = 2 * FIXTURE_MIB;
    struct fixture fixture = fixture_open_with(config);
    /* Large items leave the index small and the store full; small ones then want a large one. */
    for (uint64_t number = 0; number < 2000; number++) {
        cr_assert_eq(fixture_set_number(&fixture, number, 4000), STORE_OK);
        fixture_turn(&fixture, 1);
    }
    cr_assert_leq(homes_count(&fixture), 128);
    for (uint64_t number = 0; number < 50000; number++) {
        cr_assert_eq(fixture_set_number(&fixture, number, 16), STORE_OK);
        if (number % 20 == 0) {
            fixture_turn(&fixture, 1);
        }
    }
    cr_expect_leq(fixture_levels(&fixture).items_count / homes_count(&fixture), 9);
    fixture_close(&fixture);
}

/* Another worker may have read the number of homes just after its last quiescent state, and lock the last of them any time. */
Test(index_grow, gives_no_home_back_that_another_worker_may_still_lock) {
    enum { COUNT = 200000, A_TURN = 3000 };
    struct fixture fixture = fixture_open_with(roomy_config());
    struct index *index = &fixture.store->index;
    struct store_worker *other = store_worker_join(fixture.store, fixture.now_ns);
    for (uint64_t number = 0; number < COUNT; number++) {
        fixture_set_number(&fixture, number, 8);
        if (number % 100 == 0) {
            fixture_turn(&fixture, 0);
            store_quiescent(other, fixture.now_ns);
        }
    }
    size_t size_before = index->homes_size;
    uint64_t seen = index_homes_count(index);
    for (uint64_t number = 0; number < COUNT; number++) {
        delete_number(&fixture, number);
        cr_assert_geq(index->homes_size, seen * sizeof(struct bucket));
        if (number % A_TURN == 0) {
            fixture_turn(&fixture, 0);
            cr_assert_geq(index->homes_size, seen * sizeof(struct bucket));
            store_quiescent(other, fixture.now_ns);
            seen = index_homes_count(index);
        }
    }
    cr_expect_lt(index->homes_size, size_before / 2, "some are given back");
    store_worker_leave(other);
    fixture_close(&fixture);
}
