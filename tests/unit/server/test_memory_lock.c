/* SPDX-License-Identifier: MIT
 *
 * -k: items that are there already are brought in once, in pieces, and nothing is done after that.
 */
#include "memory_lock.h"

#include <criterion/criterion.h>

#include "riposte/clock.h"
#include "riposte/store.h"

TestSuite(memory_lock, .timeout = 30);

enum { VALUE_SIZE = 1000 * 1000, COUNT = 40 /* more than two pieces */, TURNS_MAX = 100 };

static void fill(struct store *store) {
    static char value[VALUE_SIZE];
    struct store_worker *worker = store_worker_join(store, clock_monotonic_ns());
    for (char key = 0; key < COUNT; key++) {
        struct store_record set = {.key = bytes_of(&key, 1), .value = bytes_of(value, VALUE_SIZE)};
        set.hash = store_hash(worker, set.key);
        cr_assert_eq(store_set(worker, &set), STORE_OK);
    }
    store_worker_leave(worker);
}

Test(memory_lock, comes_back_at_once_until_all_is_in) {
    const struct store_config config = {
        .memory_size_max = 128 << 20, .item_size_max = 1 << 20, .workers_max = 2, .hash_seed = 1};
    struct memory_lock lock = {0};
    struct store *store;
    int turns = 1;
    cr_assert_eq(store_create(&config, &store), 0);
    fill(store);
    while (turns < TURNS_MAX && memory_lock_turn(&lock, store) == 0) {
        turns++;
    }
    cr_expect_gt(turns, 2, "in pieces");
    cr_expect_lt(turns, TURNS_MAX, "there is an end");
    cr_expect(lock.is_done);
    cr_expect_geq(lock.at, (uint64_t)COUNT * VALUE_SIZE);
    uint64_t at = lock.at;
    cr_expect_eq(memory_lock_turn(&lock, store), -1, "once");
    cr_expect_eq(lock.at, at);
    store_destroy(store);
}
