/* SPDX-License-Identifier: MIT
 *
 * Values that follow from their keys.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "value.h"

static struct values values_of(const char *sizes_text) {
    struct value_sizes sizes;
    struct values values;
    cr_assert(value_sizes_parse(bytes_from_string(sizes_text), &sizes));
    cr_assert(values_init(&values, &sizes));
    return values;
}

Test(value, is_the_same_for_the_same_key_and_different_for_others) {
    struct values values = values_of("32");
    char first[32];
    char again[32];
    char other[32];
    struct value value = value_of(&values, 1);
    value_copy(&value, first);
    value = value_of(&values, 1);
    value_copy(&value, again);
    cr_expect_arr_eq(first, again, sizeof(first));
    for (uint32_t key = 2; key < 10000; key++) {
        value = value_of(&values, key);
        value_copy(&value, other);
        cr_assert(memcmp(first, other, VALUE_STAMP_SIZE) != 0, "keys 1 and %u have the same stamp", key);
    }
    values_deinit(&values);
}

Test(value, matches_itself_in_pieces_of_any_size) {
    struct values values = values_of("200000");
    struct value value = value_of(&values, 99);
    char *copy = malloc(value.size);
    value_copy(&value, copy);
    static const size_t pieces[] = {1, 3, 7, 8, 9, 4096, 65521, 70000, 200000};
    for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        for (size_t at = 0; at < value.size; at += pieces[i]) {
            size_t size = pieces[i] < value.size - at ? pieces[i] : value.size - at;
            cr_assert(value_matches(&value, at, bytes_of(copy + at, size)), "%zu bytes at %zu", size, at);
        }
    }
    free(copy);
    values_deinit(&values);
}

Test(value, notices_one_wrong_byte_wherever_it_is) {
    struct values values = values_of("300");
    struct value value = value_of(&values, 5);
    struct guard guard;
    char copy[300];
    guard_init(&guard, sizeof(copy));
    value_copy(&value, copy);
    for (size_t i = 0; i < sizeof(copy); i++) {
        copy[i] ^= 1;
        cr_assert_not(value_matches(&value, 0, guard_copy(&guard, bytes_of(copy, sizeof(copy)))), "byte %zu",
                      i);
        copy[i] ^= 1;
    }
    cr_expect(value_matches(&value, 0, guard_copy(&guard, bytes_of(copy, sizeof(copy)))));
    guard_deinit(&guard);
    values_deinit(&values);
}

Test(value, notices_a_piece_that_landed_a_power_of_two_away) {
    struct values values = values_of("200000");
    struct value value = value_of(&values, 5);
    char *copy = malloc(value.size);
    value_copy(&value, copy);
    for (size_t distance = 4096; distance <= 131072; distance *= 2) {
        cr_assert_not(value_matches(&value, 8, bytes_of(copy + 8 + distance, 4096)), "%zu bytes away",
                      distance);
    }
    free(copy);
    values_deinit(&values);
}

Test(value, may_be_shorter_than_its_stamp_or_empty) {
    struct values values = values_of("0-9");
    bool seen[10] = {false};
    for (uint32_t key = 0; key < 1000; key++) {
        struct value value = value_of(&values, key);
        char copy[9];
        cr_assert(value.size <= 9);
        seen[value.size] = true;
        value_copy(&value, copy);
        cr_assert(value.size == 0 || value_matches(&value, 0, bytes_of(copy, value.size)));
    }
    for (unsigned size = 0; size <= 9; size++) {
        cr_expect(seen[size], "no value of %u bytes", size);
    }
    values_deinit(&values);
}

Test(value, sizes_from_a_list_come_in_their_shares) {
    struct values values = values_of("32:60,1k:30,16k:10");
    unsigned small = 0;
    unsigned middle = 0;
    unsigned large = 0;
    for (uint32_t key = 0; key < 100000; key++) {
        size_t size = value_of(&values, key).size;
        cr_assert(size == 32 || size == 1024 || size == 16384);
        small += size == 32;
        middle += size == 1024;
        large += size == 16384;
    }
    cr_expect(abs((int)small - 60000) < 1000 && abs((int)middle - 30000) < 1000 &&
                  abs((int)large - 10000) < 1000,
              "%u %u %u", small, middle, large);
    cr_expect_eq(values.sizes.size_mean, (32 * 60 + 1024 * 30 + 16384 * 10) / 100);
    cr_expect_eq(values.sizes.size_min, 32);
    cr_expect_eq(values.sizes.size_max, 16384);
    values_deinit(&values);
}

Test(value, refuses_sizes_that_make_no_sense) {
    static const char *const refused[] = {"",     "-",   "5-", "-5",    "9-5",        "2g",
                                          "32:0", "32:", ":5", "32:1,", "32:1,,1k:1", "1:1-2"};
    struct value_sizes sizes;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        cr_expect_not(value_sizes_parse(bytes_from_string(refused[i]), &sizes), "%s", refused[i]);
    }
    cr_expect(value_sizes_parse(bytes_from_string("1g"), &sizes));
}
