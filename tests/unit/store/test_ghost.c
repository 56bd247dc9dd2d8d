/* SPDX-License-Identifier: MIT
 *
 * Ghosts: remembered for their time and no longer, once, and what they teach.
 */
#include <criterion/criterion.h>

#include "ghost.h"

enum { STORE_SIZE = 64 * 1024 * 1024, ITEM_SIZE = 1000 };

static struct tables tables;

static struct ghost open_ghosts(void) {
    struct ghost ghost;
    cr_assert_eq(tables_init(&tables, -1, false), 0);
    cr_assert(ghost_init(&ghost, STORE_SIZE, &tables));
    return ghost;
}

static uint64_t hash_of(uint64_t number) {
    return (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t target(const struct ghost *ghost) {
    return atomic_load(&ghost->small_target);
}

Test(ghost, knows_from_which_queue_an_item_was_pushed_out) {
    struct ghost ghost = open_ghosts();
    cr_expect_not(ghost_is_active(&ghost));
    ghost_insert(&ghost, QUEUE_SMALL, hash_of(1), ITEM_SIZE);
    ghost_insert(&ghost, QUEUE_MAIN, hash_of(2), ITEM_SIZE);
    cr_expect(ghost_is_active(&ghost));
    cr_expect_eq(ghost_take(&ghost, hash_of(1), ITEM_SIZE), GHOST_LEFT_SMALL);
    cr_expect_eq(ghost_take(&ghost, hash_of(2), ITEM_SIZE), GHOST_LEFT_MAIN);
    cr_expect_eq(ghost_take(&ghost, hash_of(3), ITEM_SIZE), GHOST_NONE);
    tables_destroy(&tables);
}

Test(ghost, is_met_once) {
    struct ghost ghost = open_ghosts();
    ghost_insert(&ghost, QUEUE_SMALL, hash_of(1), ITEM_SIZE);
    cr_expect_eq(ghost_take(&ghost, hash_of(1), ITEM_SIZE), GHOST_LEFT_SMALL);
    cr_expect_eq(ghost_take(&ghost, hash_of(1), ITEM_SIZE), GHOST_NONE);
    tables_destroy(&tables);
}

/* Of `count` ghosts, all of one queue, how many are met after `size` bytes more have left that queue. */
static unsigned met_after(enum segment_queue queue, uint64_t size) {
    enum { COUNT = 1000 };
    struct ghost ghost = open_ghosts();
    unsigned met_count = 0;
    for (uint64_t number = 0; number < COUNT; number++) {
        ghost_insert(&ghost, queue, hash_of(number), ITEM_SIZE);
    }
    atomic_fetch_add(&ghost.clocks[queue], size);
    for (uint64_t number = 0; number < COUNT; number++) {
        met_count += ghost_take(&ghost, hash_of(number), ITEM_SIZE) != GHOST_NONE;
    }
    tables_destroy(&tables);
    return met_count;
}

Test(ghost, lives_as_long_as_nine_tenths_of_the_store_take_to_leave_small) {
    cr_expect_eq(met_after(QUEUE_SMALL, (uint64_t)STORE_SIZE * 85 / 100), 1000);
    cr_expect_eq(met_after(QUEUE_SMALL, (uint64_t)STORE_SIZE * 95 / 100), 0);
}

Test(ghost, lives_half_as_long_after_main) {
    cr_expect_eq(met_after(QUEUE_MAIN, (uint64_t)STORE_SIZE * 45 / 100), 1000);
    cr_expect_eq(met_after(QUEUE_MAIN, (uint64_t)STORE_SIZE * 55 / 100), 0);
}

Test(ghost, moves_the_share_of_small_within_its_bounds) {
    struct ghost ghost = open_ghosts();
    uint64_t begin = target(&ghost);
    cr_expect_eq(begin, STORE_SIZE / 10);
    ghost_insert(&ghost, QUEUE_SMALL, hash_of(1), ITEM_SIZE);
    ghost_take(&ghost, hash_of(1), ITEM_SIZE);
    cr_expect_gt(target(&ghost), begin, "pushed out too soon");
    for (uint64_t number = 0; number < 1000000; number++) {
        ghost_insert(&ghost, QUEUE_SMALL, hash_of(number), ITEM_SIZE);
        ghost_take(&ghost, hash_of(number), ITEM_SIZE);
    }
    cr_expect_eq(target(&ghost), STORE_SIZE / 2);
    for (uint64_t number = 0; number < 1000000; number++) {
        ghost_insert(&ghost, QUEUE_MAIN, hash_of(number), ITEM_SIZE);
        ghost_take(&ghost, hash_of(number), ITEM_SIZE);
    }
    cr_expect_leq(target(&ghost), STORE_SIZE / 20 + ITEM_SIZE);
    tables_destroy(&tables);
}

Test(ghost, what_had_left_main_counts_twice) {
    struct ghost ghost = open_ghosts();
    uint64_t begin = target(&ghost);
    for (uint64_t number = 0; number < 2; number++) {
        ghost_insert(&ghost, QUEUE_SMALL, hash_of(number), ITEM_SIZE);
    }
    ghost_insert(&ghost, QUEUE_MAIN, hash_of(2), ITEM_SIZE);
    ghost_insert(&ghost, QUEUE_MAIN, hash_of(3), ITEM_SIZE); /* lists of one length */
    ghost_take(&ghost, hash_of(0), ITEM_SIZE);
    ghost_take(&ghost, hash_of(1), ITEM_SIZE);
    cr_expect_gt(target(&ghost), begin);
    ghost_take(&ghost, hash_of(2), ITEM_SIZE);
    cr_expect_eq(target(&ghost), begin);
    tables_destroy(&tables);
}
