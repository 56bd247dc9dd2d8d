/* SPDX-License-Identifier: MIT
 *
 * Growth of the index: that it happens, bit by bit, and that nothing gets lost meanwhile.
 */
#include "fixture.h"
#include "growth.h"

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

Test(growth, keeps_up_with_the_items_and_loses_none) {
    struct fixture fixture = fixture_open_with(roomy_config());
    enum { COUNT = 200000 };
    for (uint64_t number = 0; number < COUNT; number++) {
        cr_assert_eq(fixture_set_number(&fixture, number, 8), STORE_OK);
        if (number % 64 == 0) {
            fixture_turn(&fixture, 0);
        }
    }
    expect_all(&fixture, COUNT);
    struct store_levels levels = fixture_levels(&fixture);
    cr_expect_eq(levels.items_count, COUNT);
    cr_expect_geq(levels.index_power, 15, "at most about 6 items a home");
    cr_expect_leq(levels.index_power, 16);
    fixture_close(&fixture);
}

Test(growth, finds_every_item_at_every_moment) {
    struct fixture fixture = fixture_open_with(roomy_config());
    uint32_t power = fixture_levels(&fixture).index_power;
    unsigned moments_count = 0;
    for (uint64_t number = 0; number < 3000; number++) {
        cr_assert_eq(fixture_set_number(&fixture, number, 8), STORE_OK);
        if (fixture_levels(&fixture).index_growing) {
            expect_all(&fixture, number + 1);
            cr_assert(audit_index(fixture.store));
            moments_count++;
        }
    }
    cr_expect_gt(moments_count, 300);
    cr_expect_gt(fixture_levels(&fixture).index_power, power + 2);
    fixture_close(&fixture);
}

Test(growth, goes_on_without_stores) {
    struct fixture fixture = fixture_open_with(roomy_config());
    uint64_t number = 0;
    while (!fixture_levels(&fixture).index_growing) {
        fixture_set_number(&fixture, number++, 8);
    }
    unsigned turns_count = 0;
    while (fixture_turn(&fixture, 1) != 0) {
        cr_assert_lt(++turns_count, 100);
    }
    cr_expect_not(fixture_levels(&fixture).index_growing);
    expect_all(&fixture, number);
    fixture_close(&fixture);
}

Test(growth, of_a_large_table_takes_many_turns) {
    struct store_config config = roomy_config();
    config.index_power_min = 14;
    struct fixture fixture = fixture_open_with(config);
    uint64_t number = 0;
    for (; !fixture_levels(&fixture).index_growing; number++) {
        fixture_set_number(&fixture, number, 8);
    }
    unsigned turns_count = 0;
    for (; fixture_levels(&fixture).index_growing; turns_count++) {
        fixture_turn(&fixture, 0);
    }
    cr_expect_geq(turns_count, ((1u << 14) - 10) / GROWTH_STEP_TURN);
    fixture_close(&fixture);
}

Test(growth, deletes_and_overwrites_what_has_moved_and_what_has_not) {
    struct fixture fixture = fixture_open_with(roomy_config());
    uint64_t count = 0;
    while (!fixture_levels(&fixture).index_growing) {
        fixture_set_number(&fixture, count++, 8);
    }
    growth_step(fixture.worker, 1u << (fixture_levels(&fixture).index_power - 1));
    cr_assert(fixture_levels(&fixture).index_growing);
    for (uint64_t number = 0; number < count; number += 2) {
        char key[32];
        snprintf(key, sizeof(key), "key-%" PRIu64, number);
        cr_assert_eq(store_delete(fixture.worker, text(key), NULL, NULL), STORE_OK);
        fixture_set_number(&fixture, number + 1, 100);
    }
    struct item_view view;
    for (uint64_t number = 0; number < count; number++) {
        enum store_status status = fixture_get_number(&fixture, number, &view);
        cr_assert_eq(status, number % 2 == 0 ? STORE_MISS : STORE_OK);
        cr_assert(status == STORE_MISS || view.value.size == 100);
    }
    fixture_close(&fixture);
}

Test(growth, charges_old_and_new_table_and_gives_the_old_one_back) {
    struct store_config config = roomy_config();
    config.index_power_min = 12;
    struct fixture fixture = fixture_open_with(config);
    uint64_t size_before = fixture_levels(&fixture).index_size;
    uint64_t number = 0;
    while (!fixture_levels(&fixture).index_growing) {
        fixture_set_number(&fixture, number++, 8);
    }
    cr_expect_geq(fixture_levels(&fixture).index_size, size_before + table_size(13));
    for (unsigned turn = 0; turn < 200; turn++) {
        fixture_turn(&fixture, 1);
    }
    struct store_levels levels = fixture_levels(&fixture);
    cr_expect_eq(levels.index_power, 13);
    cr_expect_lt(levels.index_size, table_size(13) + table_size(12) / 2,
                 "only overflow buckets beside the new table");
    fixture_close(&fixture);
}

Test(growth, does_without_when_memory_is_short) {
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
    cr_expect_gt(count, 4500, "more than four a home");
    cr_expect_eq(fixture_levels(&fixture).index_power, 10);
    expect_all(&fixture, count);
    fixture_close(&fixture);
}

Test(growth, pushes_items_out_only_when_chains_are_the_rule) {
    struct store_config config = fixture_config();
    config.memory_size_max = 2 * FIXTURE_MIB;
    struct fixture fixture = fixture_open_with(config);
    /*
     * Large items leave the index small and the store full; small ones then want an index eight times as
     * large.
     */
    for (uint64_t number = 0; number < 2000; number++) {
        cr_assert_eq(fixture_set_number(&fixture, number, 4000), STORE_OK);
        fixture_turn(&fixture, 1);
    }
    cr_assert_leq(fixture_levels(&fixture).index_power, 7);
    for (uint64_t number = 0; number < 50000; number++) {
        cr_assert_eq(fixture_set_number(&fixture, number, 16), STORE_OK);
        if (number % 20 == 0) {
            fixture_turn(&fixture, 1);
        }
    }
    struct store_levels levels = fixture_levels(&fixture);
    cr_expect_leq(levels.items_count >> levels.index_power, 8, "%" PRIu64 " items in 2^%u homes",
                  levels.items_count, levels.index_power);
    fixture_close(&fixture);
}
