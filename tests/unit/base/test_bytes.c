/* SPDX-License-Identifier: MIT
 *
 * The number parser and writer. Inputs stand in exact-size heap copies, so that a read past the end is seen
 * by the sanitizer.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

#include "riposte/bytes.h"
#include "riposte/random.h"

/* The bytes of `text` in a block of exactly that size. The caller frees data. */
static struct bytes bytes_exact(const char *text) {
    size_t size = strlen(text);
    char *copy = malloc(size == 0 ? 1 : size);
    cr_assert_not_null(copy);
    memcpy(copy, text, size);
    return bytes_of(copy, size);
}

static void expect_u64(const char *text, bool accepted, uint64_t expected) {
    struct bytes input = bytes_exact(text);
    uint64_t number = 4711;
    cr_expect_eq(bytes_parse_u64(input, &number), accepted, "\"%s\" as u64", text);
    cr_expect_eq(number, accepted ? expected : 4711, "\"%s\" gave %" PRIu64, text, number);
    free((void *)input.data);
}

static void expect_u32(const char *text, bool accepted, uint32_t expected) {
    struct bytes input = bytes_exact(text);
    uint32_t number = 4711;
    cr_expect_eq(bytes_parse_u32(input, &number), accepted, "\"%s\" as u32", text);
    cr_expect_eq(number, accepted ? expected : 4711, "\"%s\" gave %" PRIu32, text, number);
    free((void *)input.data);
}

static void expect_i64(const char *text, bool accepted, int64_t expected) {
    struct bytes input = bytes_exact(text);
    int64_t number = 4711;
    cr_expect_eq(bytes_parse_i64(input, &number), accepted, "\"%s\" as i64", text);
    cr_expect_eq(number, accepted ? expected : 4711, "\"%s\" gave %" PRId64, text, number);
    free((void *)input.data);
}

Test(bytes, compares_by_length_and_content) {
    cr_expect(bytes_equal(bytes_of(NULL, 0), bytes_of("x", 0)));
    cr_expect(bytes_equal_string(bytes_of("get it", 3), "get"));
    cr_expect_not(bytes_equal_string(bytes_of("get", 3), "gets"));
    cr_expect_not(bytes_equal_string(bytes_of("gat", 3), "get"));
    cr_expect_not(bytes_equal(bytes_of("a\0b", 3), bytes_of("a\0c", 3)));
}

Test(bytes, are_cut_before_and_after_a_byte) {
    struct bytes text = bytes_from_string("host:port");
    cr_expect_eq(bytes_before(text, ':'), 4);
    cr_expect_eq(bytes_before(text, '/'), text.size);
    cr_expect_eq(bytes_before(bytes_of(NULL, 0), ':'), 0);
    cr_expect(bytes_equal_string(bytes_after(text, 5), "port"));
    cr_expect_eq(bytes_after(text, text.size).size, 0);
}

Test(bytes, are_copied_whole_and_no_further_whatever_their_size) {
    char from[300], to[302];
    for (size_t i = 0; i < sizeof(from); i++) {
        from[i] = (char)(i * 7 + 1);
    }
    for (size_t size = 0; size <= sizeof(from); size++) {
        struct bytes exact = {.data = malloc(size == 0 ? 1 : size), .size = size};
        memcpy((void *)exact.data, from, size);
        memset(to, '?', sizeof(to));
        cr_assert_eq(bytes_copy(to + 1, exact), to + 1 + size);
        cr_assert(memcmp(to + 1, from, size) == 0 && to[0] == '?' && to[size + 1] == '?', "%zu bytes", size);
        free((void *)exact.data);
    }
}

Test(bytes, parses_u64_up_to_its_limit) {
    expect_u64("0", true, 0);
    expect_u64("7", true, 7);
    expect_u64("18446744073709551615", true, UINT64_MAX);
    expect_u64("18446744073709551616", false, 0);
    expect_u64("18446744073709551620", false, 0);
    expect_u64("99999999999999999999", false, 0);
    expect_u64("9999999999999999999999", false, 0);
}

Test(bytes, accepts_leading_zeros_up_to_22_characters) {
    expect_u64("0000000000000000000042", true, 42);
    expect_u64("00000000000000000000042", false, 0);
    expect_u32("00000000042", true, 42);
    expect_u32("000000000042", false, 0);
    expect_i64("-000000000000000000042", true, -42);
    expect_i64("-0000000000000000000042", false, 0);
}

Test(bytes, refuses_anything_but_digits) {
    static const char *const refused[] = {"",     " ",   "-",   "+1",  " 1",    "1 ", "1\n", "0x10",
                                          "1a",   "a1",  "1.5", "--1", "/",     ":",  "1e3", "\xff",
                                          "\xb1", "-1-", "1-",  "\t1", "1,000", "nan"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        expect_u64(refused[i], false, 0);
        expect_u32(refused[i], false, 0);
        expect_i64(refused[i], false, 0);
    }
}

Test(bytes, refuses_a_nul_inside_a_number) {
    uint64_t number = 1;
    cr_expect_not(bytes_parse_u64(bytes_of("1\0", 2), &number));
    cr_expect_not(bytes_parse_u64(bytes_of("1\0002", 3), &number));
    cr_expect_eq(number, 1);
}

Test(bytes, refuses_a_sign_where_numbers_are_unsigned) {
    expect_u64("-1", false, 0);
    expect_u64("-0", false, 0);
    expect_u32("-1", false, 0);
}

Test(bytes, parses_u32_up_to_its_limit) {
    expect_u32("0", true, 0);
    expect_u32("4294967295", true, UINT32_MAX);
    expect_u32("4294967296", false, 0);
    expect_u32("99999999999", false, 0);
}

Test(bytes, parses_i64_over_its_whole_range) {
    expect_i64("0", true, 0);
    expect_i64("-0", true, 0);
    expect_i64("-1", true, -1);
    expect_i64("9223372036854775807", true, INT64_MAX);
    expect_i64("9223372036854775808", false, 0);
    expect_i64("-9223372036854775808", true, INT64_MIN);
    expect_i64("-9223372036854775809", false, 0);
    expect_i64("18446744073709551615", false, 0);
}

Test(bytes, formats_at_every_change_of_length) {
    uint64_t power = 1;
    for (size_t digits = 1; digits <= BYTES_U64_DIGITS_MAX; digits++) {
        char text[BYTES_U64_DIGITS_MAX];
        cr_expect_eq(bytes_format_u64(text, power), digits);
        cr_expect_eq(text[0], '1');
        cr_expect_eq(bytes_format_u64(text, power - 1), digits == 1 ? 1 : digits - 1);
        power *= digits < BYTES_U64_DIGITS_MAX ? 10 : 1;
    }
    char text[BYTES_U64_DIGITS_MAX];
    cr_expect(bytes_equal_string(bytes_of(text, bytes_format_u64(text, UINT64_MAX)), "18446744073709551615"));
    cr_expect(bytes_equal_string(bytes_of(text, bytes_format_u64(text, 0)), "0"));
}

Test(bytes, reads_back_what_it_formatted) {
    struct random random = {.state = 1};
    for (int round = 0; round < 20000; round++) {
        uint64_t number = random_next(&random) >> random_below(&random, 64);
        char text[BYTES_U64_DIGITS_MAX];
        uint64_t parsed = ~number;
        size_t size = bytes_format_u64(text, number);
        cr_assert(bytes_parse_u64(bytes_of(text, size), &parsed));
        cr_assert_eq(parsed, number, "%" PRIu64 " came back as %" PRIu64, number, parsed);
    }
}

/* Whatever the distance, in every size around a piece of it: what is before and behind stays. */
Test(bytes, a_large_copy_is_whole_at_every_distance) {
    enum { SIZE_MAX_HERE = 3000, PLACE = 8192 };
    static char from[PLACE], to[PLACE];
    static const size_t sizes[] = {0, 1, 1023, 1024, 1025, 2048, SIZE_MAX_HERE};
    struct random random = {.state = 1};
    for (size_t i = 0; i < PLACE; i++) {
        from[i] = (char)random_next(&random);
    }
    for (size_t distance = 0; distance < 70; distance++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            size_t size = sizes[i];
            char *at = to + ((uintptr_t)from - (uintptr_t)to) % 4096 + distance + 1;
            memset(to, '.', sizeof(to));
            bytes_copy_large(at, from, size);
            cr_assert(memcmp(at, from, size) == 0, "%zu bytes, %zu behind", size, distance + 1);
            cr_assert(at[-1] == '.' && at[size] == '.', "%zu bytes, %zu behind", size, distance + 1);
        }
    }
}
