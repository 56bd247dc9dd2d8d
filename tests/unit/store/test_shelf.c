/* SPDX-License-Identifier: MIT
 *
 * The shelf: sizes, bounds, and what is given up when it is not needed.
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

#include "memory.h"
#include "shelf.h"

static void clear(struct shelf *shelf) {
    size_t charge;
    for (void *block; (block = shelf_take_any(shelf, &charge)) != NULL;) {
        free(block);
    }
    cr_expect_eq(shelf->size, 0);
}

static void put(struct shelf *shelf, size_t charge) {
    void *block = malloc(charge);
    cr_assert(shelf_put(shelf, block, charge));
}

Test(shelf, gives_back_a_block_of_the_same_charge_and_no_other) {
    struct shelf shelf = {.size_max = 100 << 20};
    size_t charges_count = 0;
    for (size_t size = 1; size <= SHELF_BLOCK_MAX; size = memory_charge_of(size) + 1, charges_count++) {
        size_t charge = memory_charge_of(size);
        cr_assert_null(shelf_take(&shelf, charge));
        put(&shelf, charge);
        cr_assert_eq(shelf.size, charge);
        if (charge > 16) {
            cr_assert_null(shelf_take(&shelf, memory_charge_of(charge / 2)));
        }
        cr_assert_null(shelf_take(&shelf, memory_charge_of(charge + 1)));
        void *block = shelf_take(&shelf, charge);
        cr_assert_not_null(block);
        free(block);
    }
    cr_expect_gt(charges_count, 60);
}

Test(shelf, hands_out_the_last_one_first) {
    struct shelf shelf = {.size_max = 1000};
    char first[96], second[96];
    cr_assert(shelf_put(&shelf, first, 96));
    cr_assert(shelf_put(&shelf, second, 96));
    cr_expect_eq(shelf_take(&shelf, 96), second);
    cr_expect_eq(shelf_take(&shelf, 96), first);
    cr_expect_null(shelf_take(&shelf, 96));
}

Test(shelf, keeps_no_more_than_it_may) {
    struct shelf shelf = {.size_max = 1000};
    char refused[512];
    put(&shelf, 512);
    cr_expect_not(shelf_put(&shelf, refused, 512));
    put(&shelf, 448);
    cr_expect_not(shelf_put(&shelf, refused, 64));
    cr_expect_eq(shelf.size, 960);
    clear(&shelf);
}

Test(shelf, keeps_nothing_when_it_may_keep_nothing) {
    struct shelf shelf = {0};
    char block[64];
    cr_expect_not(shelf_put(&shelf, block, 64));
    cr_expect_null(shelf_take(&shelf, 64));
}

Test(shelf, keeps_nothing_very_large) {
    struct shelf shelf = {.size_max = SIZE_MAX / 2};
    char block;
    cr_expect_not(shelf_put(&shelf, &block, memory_charge_of(SHELF_BLOCK_MAX + 1)));
    cr_expect_null(shelf_take(&shelf, memory_charge_of(SHELF_BLOCK_MAX + 1)));
}

static unsigned count_idle(struct shelf *shelf) {
    unsigned count = 0;
    size_t charge;
    for (void *block; (block = shelf_take_idle(shelf, &charge)) != NULL; count++) {
        free(block);
    }
    return count;
}

Test(shelf, gives_up_what_was_not_needed_between_two_looks) {
    struct shelf shelf = {.size_max = 100000};
    for (unsigned i = 0; i < 10; i++) {
        put(&shelf, 64);
    }
    put(&shelf, 256);
    cr_expect_eq(count_idle(&shelf), 0, "nothing was there all the time");
    for (unsigned i = 0; i < 7; i++) {
        free(shelf_take(&shelf, 64));
    }
    for (unsigned i = 0; i < 5; i++) {
        put(&shelf, 64);
    }
    cr_expect_eq(count_idle(&shelf), 3 + 1, "three of the small and the large one");
    cr_expect_eq(shelf.size, 5 * 64);
    cr_expect_eq(count_idle(&shelf), 5);
    cr_expect_eq(shelf.size, 0);
}
