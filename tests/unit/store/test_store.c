/* SPDX-License-Identifier: MIT
 *
 * Creating, joining, leaving, and changing the limit.
 */
#include <errno.h>
#include <sys/resource.h>

#include "fixture.h"

static int create(struct store_config config) {
    struct store *store = NULL;
    int error = store_create(&config, &store);
    if (error == 0) {
        store_destroy(store);
    }
    return error;
}

Test(store, refuses_what_is_out_of_bounds) {
    struct store_config good = fixture_config(), bad;
    cr_expect_eq(create(good), 0);
    bad = good, bad.memory_size_max = STORE_MEMORY_SIZE_MIN - 1;
    cr_expect_eq(create(bad), -EINVAL);
    bad = good, bad.item_size_max = 1023;
    cr_expect_eq(create(bad), -EINVAL);
    bad = good, bad.item_size_max = good.memory_size_max / 2 + 1;
    cr_expect_eq(create(bad), -EINVAL);
    bad = good, bad.memory_size_max = 4 * STORE_ITEM_SIZE_MAX, bad.item_size_max = STORE_ITEM_SIZE_MAX + 1;
    cr_expect_eq(create(bad), -EINVAL);
    bad = good, bad.workers_max = 0;
    cr_expect_eq(create(bad), -EINVAL);
    bad = good, bad.workers_max = 1025;
    cr_expect_eq(create(bad), -EINVAL);
    bad = good, bad.index_power_min = 5;
    cr_expect_eq(create(bad), -EINVAL);
    bad = good, bad.index_power_min = 33;
    cr_expect_eq(create(bad), -EINVAL);
    bad = good, bad.index_power_min = 18;
    cr_expect_eq(create(bad), -EINVAL, "a table larger than half of the limit");
}

Test(store, takes_what_is_at_the_bounds) {
    struct store_config config = {.memory_size_max = STORE_MEMORY_SIZE_MIN,
                                  .item_size_max = STORE_MEMORY_SIZE_MIN / 2,
                                  .evict = true,
                                  .workers_max = 1024};
    cr_expect_eq(create(config), 0);
    config.item_size_max = 1024;
    config.index_power_min = 6;
    cr_expect_eq(create(config), 0);
    config.memory_size_max = 4 * STORE_ITEM_SIZE_MAX;
    config.item_size_max = STORE_ITEM_SIZE_MAX;
    cr_expect_eq(create(config), 0);
}

/* Sanitizers need more addresses than there are then. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/* Bytes of addresses that the process has. */
static size_t addresses_size(void) {
    size_t pages_count = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%zu", &pages_count), 1);
    fclose(file);
    return pages_count * 4096;
}

Test(store, sinks_its_limit_where_addresses_are_missing_but_not_below_twice_its_first_index) {
    struct store_config config = fixture_config();
    config.memory_size_max = 256 * FIXTURE_MIB;
    config.item_size_max = 1024;
    config.index_power_min = 21; /* half of the limit */
    size_t addresses = addresses_size();
    for (size_t left = 1024; left >= 128; left -= 64) {
        struct rlimit limit = {.rlim_cur = addresses + left * FIXTURE_MIB, .rlim_max = RLIM_INFINITY};
        cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
        int status = create(config);
        cr_expect(status == 0 || status == -ENOMEM, "%d with %zu MiB of addresses", status, left);
    }
}

/* 20 MiB each: 5 GiB for 256, which 32 bits do not hold. */
Test(store, leaves_addresses_to_each_of_many_workers) {
    struct store_config config = fixture_config();
    config.memory_size_max = 16 * FIXTURE_MIB;
    config.workers_max = 256;
    struct rlimit limit = {.rlim_cur = addresses_size() + 3072 * (size_t)FIXTURE_MIB,
                           .rlim_max = RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    cr_expect_eq(create(config), -ENOMEM);
    config.workers_max = 64;
    cr_expect_eq(create(config), 0);
}

#endif

Test(store, the_smallest_store_stores) {
    struct fixture fixture = fixture_open_with((struct store_config){
        .memory_size_max = STORE_MEMORY_SIZE_MIN, .item_size_max = 2048, .evict = true, .workers_max = 4});
    for (unsigned i = 0; i < 10000; i++) {
        cr_assert_eq(fixture_set_number(&fixture, i, 1024), STORE_OK);
        struct item_view view;
        cr_assert_eq(fixture_get_number(&fixture, i, &view), STORE_OK);
        fixture_turn(&fixture, 1);
        fixture_levels(&fixture);
    }
    fixture_close(&fixture);
}

Test(store, the_default_index_has_1024_homes) {
    struct store_config config = fixture_config();
    config.index_power_min = 0;
    struct fixture fixture = fixture_open_with(config);
    cr_expect_eq(fixture_levels(&fixture).index_power, 10);
    cr_expect_geq(fixture_levels(&fixture).index_size, 65536);
    fixture_close(&fixture);
}

Test(store, lets_no_more_workers_in_than_was_said) {
    struct fixture fixture = fixture_open();
    struct store_worker *others[3];
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_not_null(others[i] = store_worker_join(fixture.store, fixture.now_ns));
    }
    cr_expect_null(store_worker_join(fixture.store, fixture.now_ns));
    store_worker_leave(others[1]);
    cr_expect_not_null(others[1] = store_worker_join(fixture.store, fixture.now_ns));
    cr_expect_null(store_worker_join(fixture.store, fixture.now_ns));
    for (unsigned i = 0; i < 3; i++) {
        store_worker_leave(others[i]);
    }
    fixture_close(&fixture);
}

Test(store, keeps_the_counts_of_workers_that_left) {
    struct fixture fixture = fixture_open();
    struct store_worker *other = store_worker_join(fixture.store, fixture.now_ns);
    struct fixture second = {.store = fixture.store, .worker = other, .now_ns = fixture.now_ns};
    for (unsigned i = 0; i < 10; i++) {
        fixture_set_number(&second, i, 10);
    }
    store_worker_leave(other);
    cr_expect_eq(fixture_count(&fixture, items_added), 10);
    cr_expect_eq(fixture_levels(&fixture).items_count, 10);
    fixture_close(&fixture);
}

/* Fills some segments and lets all items in them die, all by the same worker. */
static void retire_some(struct fixture *fixture) {
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 1000; i++) {
            fixture_set_number(fixture, i, 1000);
        }
    }
}

Test(store, what_a_leaving_worker_could_not_free_is_freed_by_another) {
    struct fixture fixture = fixture_open();
    struct store_worker *other = store_worker_join(fixture.store, fixture.now_ns);
    struct fixture second = {.store = fixture.store, .worker = other, .now_ns = fixture.now_ns};
    retire_some(&second);
    store_worker_leave(other); /* the first worker has been in one long turn all the time */
    cr_expect_geq(fixture_levels(&fixture).retired_count, 10);
    for (unsigned i = 0; i < 20; i++) {
        fixture_turn(&fixture, 1);
    }
    cr_expect_eq(fixture_levels(&fixture).retired_count, 0);
    fixture_close(&fixture);
}

Test(store, what_nobody_took_over_is_freed_at_the_end) {
    struct fixture fixture = fixture_open();
    struct store_worker *other = store_worker_join(fixture.store, fixture.now_ns);
    struct fixture second = {.store = fixture.store, .worker = other, .now_ns = fixture.now_ns};
    retire_some(&second);
    store_worker_leave(other);
    fixture_close(&fixture);
}

Test(store, a_worker_may_leave_while_off_line) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    fixture_set(&fixture, "key", "other");
    store_offline(fixture.worker);
    fixture_close(&fixture);
}

Test(store, a_store_may_be_destroyed_in_the_middle_of_growth) {
    struct fixture fixture = fixture_open();
    uint64_t number = 0;
    while (number < 3000) {
        fixture_set_number(&fixture, number++, 8);
    }
    atomic_fetch_add(&fixture.store->index.items_count, 100000); /* it has to grow by much */
    fixture_turn(&fixture, 1);
    cr_expect(fixture_levels(&fixture).index_growing);
    fixture_close(&fixture);
}

/*
 * --- the limit
 * -----------------------------------------------------------------------------------------------
 */

Test(store, a_lowered_limit_is_reached_little_by_little) {
    struct fixture fixture = fixture_open();
    for (unsigned i = 0; i < 50000; i++) {
        fixture_set_number(&fixture, i, 200);
        if (i % 50 == 0) {
            fixture_turn(&fixture, 1);
        }
    }
    uint64_t count_before = fixture_levels(&fixture).items_count;
    cr_expect(store_memory_limit_set(fixture.worker, 4 * FIXTURE_MIB));
    unsigned turns_count = 0;
    struct store_levels levels;
    do {
        fixture_turn(&fixture, 1);
        store_stats(fixture.store, &levels);
    } while (levels.memory_size > levels.memory_size_max && ++turns_count < 10000);
    cr_expect_gt(turns_count, 20);
    cr_expect_lt(turns_count, 2000);
    cr_expect_lt(levels.items_count, count_before / 2);
    for (unsigned i = 0; i < 1000; i++) {
        cr_assert_eq(fixture_set_number(&fixture, 100000 + i, 200), STORE_OK);
    }
    fixture_levels(&fixture);
    fixture_close(&fixture);
}

Test(store, a_raised_limit_is_used) {
    struct store_config config = fixture_config();
    config.memory_size_max = 2 * FIXTURE_MIB;
    struct fixture fixture = fixture_open_with(config);
    cr_expect(store_memory_limit_set(fixture.worker, 8 * FIXTURE_MIB));
    for (unsigned i = 0; i < 15000; i++) {
        fixture_set_number(&fixture, i, 200);
    }
    cr_expect_eq(fixture_levels(&fixture).items_count, 15000);
    cr_expect_eq(fixture_levels(&fixture).memory_size_max, 8 * FIXTURE_MIB);
    fixture_close(&fixture);
}

Test(store, an_impossible_limit_is_refused) {
    struct fixture fixture = fixture_open();
    cr_expect_not(store_memory_limit_set(fixture.worker, STORE_MEMORY_SIZE_MIN - 1));
    cr_expect_not(store_memory_limit_set(fixture.worker, 1000 * (size_t)FIXTURE_MIB), "above the addresses");
    cr_expect(store_memory_limit_set(fixture.worker, FIXTURE_MIB));
    fixture_close(&fixture);
}

/* In every class of time to live and of every size: all open segments of the worker are in use. */
static void store_in_all_classes(struct fixture *fixture) {
    static const uint32_t ttls[] = {0, 20, 2000, 2000000};
    const struct put_options set = {.mode = PUT_SET};
    static char value[4000];
    char key[16];
    for (unsigned i = 0; i < 4000; i++) {
        uint32_t ttl = ttls[i % 4];
        uint32_t expires =
            ttl == 0 ? STORE_EXPIRES_NEVER : (uint32_t)(fixture->now_ns / CLOCK_NS_PER_S) + ttl;
        snprintf(key, sizeof(key), "class%u", i);
        struct bytes bytes = bytes_of(value, 50 + i % 3900);
        cr_assert_eq(fixture_put(fixture, text(key), bytes, 0, expires, &set, NULL), STORE_OK, "set %u", i);
    }
}

Test(store, the_least_limit_that_is_accepted_stores) {
    struct fixture fixture = fixture_open();
    store_in_all_classes(&fixture);
    size_t limit = STORE_MEMORY_SIZE_MIN;
    while (!store_memory_limit_set(fixture.worker, limit)) {
        limit += 4096;
    }
    cr_expect_lt(limit, 4 * (size_t)FIXTURE_MIB);
    store_in_all_classes(&fixture);
    fixture_turn(&fixture, 1);
    store_in_all_classes(&fixture);
    fixture_close(&fixture);
}

Test(store, a_limit_below_the_index_is_refused) {
    struct store_config config = fixture_config();
    config.index_power_min = 13;
    struct fixture fixture = fixture_open_with(config);
    cr_expect_not(store_memory_limit_set(fixture.worker, ((size_t)64 << 13)));
    cr_expect(store_memory_limit_set(fixture.worker, 2 * ((size_t)64 << 13) + FIXTURE_MIB));
    fixture_close(&fixture);
}

Test(store, a_worker_that_joins_above_a_lowered_limit_can_store) {
    struct fixture fixture = fixture_open();
    for (unsigned i = 0; i < 40000; i++) {
        fixture_set_number(&fixture, i, 200);
    }
    cr_expect(store_memory_limit_set(fixture.worker, 3 * FIXTURE_MIB));
    store_worker_leave(fixture.worker); /* whose structure it takes over */
    fixture.worker = store_worker_join(fixture.store, fixture.now_ns);
    cr_expect_eq(fixture_set(&fixture, "key", "value"), STORE_OK);
    for (unsigned turn = 0; turn < 1000; turn++) {
        fixture_turn(&fixture, 1);
    }
    fixture_levels(&fixture);
    fixture_close(&fixture);
}
