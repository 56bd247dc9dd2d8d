/* SPDX-License-Identifier: MIT
 *
 * number: what is taken for a number and what is not, at every limit; and how numbers are written.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#include "guard.h"
#include "number.h"

static bool parse_i32(const char *text, int32_t *number) {
    return number_parse_i32(bytes_from_string(text), number);
}

Test(number, of_32_bits_reach_from_one_limit_to_the_other) {
    int32_t number;
    cr_expect(parse_i32("0", &number) && number == 0);
    cr_expect(parse_i32("-0", &number) && number == 0);
    cr_expect(parse_i32("-1", &number) && number == -1);
    cr_expect(parse_i32("2147483647", &number) && number == INT32_MAX);
    cr_expect(parse_i32("-2147483648", &number) && number == INT32_MIN);
    cr_expect(parse_i32("00000000012", &number) && number == 12);
}

Test(number, of_32_bits_is_nothing_else_and_untouched_then) {
    static const char *const bad[] = {"",    "-",          "+1",          "1 ",           " 1",  "1a",
                                      "--1", "2147483648", "-2147483649", "000000000012", "0x1", "1.0"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int32_t number = 77;
        cr_expect_not(parse_i32(bad[i], &number), "\"%s\"", bad[i]);
        cr_expect_eq(number, 77, "\"%s\"", bad[i]);
    }
}

Test(number, with_a_plus_sign_has_leading_zeros_without_end) {
    struct guard guard;
    guard_init(&guard, 64);
    static const struct {
        const char *text;
        uint64_t number;
    } good[] = {{"0", 0},
                {"+0", 0},
                {"+5", 5},
                {"00000000000000000000000000000000007", 7},
                {"+0018446744073709551615", UINT64_MAX}};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t number = 77;
        cr_expect(number_parse_plus(guard_copy(&guard, bytes_from_string(good[i].text)), &number), "%s",
                  good[i].text);
        cr_expect_eq(number, good[i].number, "%s", good[i].text);
    }
    static const char *const bad[] = {
        "", "+", "-", "-1", "++1", "+-1", " 1", "1 ", "1+", "0x1", "18446744073709551616"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t number = 77;
        cr_expect_not(number_parse_plus(guard_copy(&guard, bytes_from_string(bad[i])), &number), "\"%s\"",
                      bad[i]);
        cr_expect_eq(number, 77, "\"%s\"", bad[i]);
    }
    guard_deinit(&guard);
}

Test(number, with_either_sign_reaches_from_one_limit_of_64_bits_to_the_other) {
    struct guard guard;
    guard_init(&guard, 64);
    static const struct {
        const char *text;
        int64_t number;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"-5", -5},
                {"+5", 5},
                {"-000000000000000000000000000005", -5},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t number = 77;
        cr_expect(number_parse_sign(guard_copy(&guard, bytes_from_string(good[i].text)), &number), "%s",
                  good[i].text);
        cr_expect_eq(number, good[i].number, "%s", good[i].text);
    }
    static const char *const bad[] = {
        "", "-", "+", "-+1", "--1", "+-1", "1-", "9223372036854775808", "-9223372036854775809"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t number = 77;
        cr_expect_not(number_parse_sign(guard_copy(&guard, bytes_from_string(bad[i])), &number), "\"%s\"",
                      bad[i]);
        cr_expect_eq(number, 77, "\"%s\"", bad[i]);
    }
    guard_deinit(&guard);
}

/* The text stands at a guard page: reading behind it ends the test. */
Test(number, on_a_line_ends_at_the_first_byte_that_is_no_digit) {
    struct guard guard;
    guard_init(&guard, 64);
    for (int digits = 0; digits <= NUMBER_SCAN_DIGITS_MAX + 2; digits++) {
        char text[32];
        int size = snprintf(text, sizeof(text), "%.*s ", digits, "987654321098");
        struct bytes line = guard_copy(&guard, bytes_of(text, (size_t)size));
        uint32_t number = 0;
        const char *stop = number_scan(line.data, line.data + line.size, &number);
        if (digits == 0 || digits > NUMBER_SCAN_DIGITS_MAX) {
            cr_expect_null(stop, "%d digits", digits);
            continue;
        }
        cr_expect_eq(stop, line.data + digits, "%d digits", digits);
        uint32_t expected = 0;
        cr_expect(bytes_parse_u32(bytes_of(text, (size_t)digits), &expected));
        cr_expect_eq(number, expected, "%d digits", digits);
    }
    guard_deinit(&guard);
}

Test(number, on_a_line_that_is_cut_asks_for_more) {
    struct guard guard;
    guard_init(&guard, 64);
    for (size_t size = 0; size <= 5; size++) {
        struct bytes line = guard_copy(&guard, bytes_of("12345", size));
        uint32_t number;
        cr_expect_null(number_scan(line.data, line.data + line.size, &number), "%zu digits", size);
    }
    guard_deinit(&guard);
}

Test(number, is_written_as_the_library_writes_it) {
    static const uint64_t numbers[] = {0, 1, 9, 10, 11, 99, 100, 101, 1234567890, UINT64_MAX};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char text[BYTES_U64_DIGITS_MAX];
        char expected[32];
        size_t size = (size_t)(number_write(text, numbers[i]) - text);
        int expected_size = snprintf(expected, sizeof(expected), "%" PRIu64, numbers[i]);
        cr_expect_eq(size, (size_t)expected_size);
        cr_expect(memcmp(text, expected, size) == 0, "%s", expected);
    }
}
