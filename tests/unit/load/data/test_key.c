/* SPDX-License-Identifier: MIT
 *
 * The names of keys.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "key.h"

static void expect_key(const struct keys *keys, uint32_t index, const char *expected) {
    char text[KEY_SIZE_MAX + 1] = {0};
    key_write(keys, index, text);
    cr_expect_str_eq(text, expected);
}

Test(key, digits_are_those_that_printf_writes) {
    for (uint64_t number = 0; number < 100000000; number += number < 200000 ? 1 : 9973) {
        char expected[9];
        char found[9] = {0};
        uint64_t digits = key_digits8((uint32_t)number);
        memcpy(found, &digits, 8);
        snprintf(expected, sizeof(expected), "%08u", (unsigned)number);
        cr_assert_str_eq(found, expected);
    }
}

Test(key, is_padded_to_one_length) {
    struct keys keys;
    cr_assert_eq(keys_init(&keys, bytes_from_string("key:"), 16, 1000000), KEYS_OK);
    expect_key(&keys, 0, "key:000000000000");
    expect_key(&keys, 123, "key:000000000123");
    expect_key(&keys, 999999, "key:000000999999");
}

Test(key, has_more_than_eight_digits_when_there_are_that_many_keys) {
    struct keys keys;
    cr_assert_eq(keys_init(&keys, bytes_from_string("k"), 12, UINT32_MAX), KEYS_OK);
    expect_key(&keys, 99999999, "k00099999999");
    expect_key(&keys, 100000000, "k00100000000");
    expect_key(&keys, UINT32_MAX - 1, "k04294967294");
}

Test(key, may_be_as_short_as_its_number) {
    struct keys keys;
    cr_assert_eq(keys_init(&keys, bytes_from_string(""), 1, 10), KEYS_OK);
    expect_key(&keys, 7, "7");
    cr_assert_eq(keys_init(&keys, bytes_from_string("x"), 4, 1000), KEYS_OK);
    expect_key(&keys, 42, "x042");
    cr_assert_eq(keys_init(&keys, bytes_from_string("x"), 10, 1000000000), KEYS_OK);
    expect_key(&keys, 987654321, "x987654321");
}

Test(key, refuses_lengths_that_cannot_be) {
    struct keys keys;
    cr_expect_eq(keys_init(&keys, bytes_from_string("key:"), 7, 1001), KEYS_TOO_SHORT);
    cr_expect_eq(keys_init(&keys, bytes_from_string("key:"), KEY_SIZE_MAX + 1, 10), KEYS_TOO_LONG);
    cr_expect_eq(keys_init(&keys, bytes_from_string("key:"), KEY_SIZE_MAX, 10), KEYS_OK);
}
