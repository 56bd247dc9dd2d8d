/* SPDX-License-Identifier: MIT
 *
 * Sizes, percentages and octal numbers as people write them.
 */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "quantity.h"

static void expect_quantity(const char *text, uint64_t unit, bool accepted, uint64_t expected) {
    uint64_t quantity = 0;
    cr_expect_eq(quantity_parse(bytes_from_string(text), unit, &quantity), accepted, "\"%s\"", text);
    if (accepted) {
        cr_expect_eq(quantity, expected, "\"%s\" gave %" PRIu64, text, quantity);
    }
}

Test(quantity, counts_plain_numbers_in_the_unit) {
    expect_quantity("0", 1, true, 0);
    expect_quantity("64", 1, true, 64);
    expect_quantity("64", QUANTITY_MIB, true, 64 * QUANTITY_MIB);
    expect_quantity("18446744073709551615", 1, true, UINT64_MAX);
}

Test(quantity, takes_suffixes_in_either_case) {
    expect_quantity("1k", 1, true, 1024);
    expect_quantity("1K", QUANTITY_MIB, true, 1024);
    expect_quantity("3m", 1, true, 3 * QUANTITY_MIB);
    expect_quantity("3M", 1, true, 3 * QUANTITY_MIB);
    expect_quantity("2g", 1, true, 2 * QUANTITY_GIB);
    expect_quantity("2G", 1, true, 2 * QUANTITY_GIB);
}

Test(quantity, refuses_what_is_no_size) {
    static const char *const refused[] = {"",   "k",  "m",   "-1",  "1.5m", "1kb", "1 k", " 1",
                                          "1t", "kk", "1mm", "0x1", "+1",   "1k ", "%"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        expect_quantity(refused[i], 1, false, 0);
    }
}

Test(quantity, refuses_what_does_not_fit_64_bits) {
    expect_quantity("18446744073709551616", 1, false, 0);
    expect_quantity("18014398509481984k", 1, false, 0);
    expect_quantity("18014398509481983k", 1, true, UINT64_C(18014398509481983) * 1024);
    expect_quantity("17592186044416", QUANTITY_MIB, false, 0);
}

Test(quantity, takes_percentages_from_1_to_100) {
    uint64_t quantity = 0;
    cr_expect(quantity_parse_percent(bytes_from_string("50%"), 1000, &quantity));
    cr_expect_eq(quantity, 500);
    cr_expect(quantity_parse_percent(bytes_from_string("100%"), UINT64_MAX, &quantity));
    cr_expect_eq(quantity, UINT64_MAX);
    cr_expect(quantity_parse_percent(bytes_from_string("1%"), 99, &quantity));
    cr_expect_eq(quantity, 0);
    static const char *const refused[] = {"0%", "101%", "%", "50", "", "-1%", "5k%"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        cr_expect_not(quantity_parse_percent(bytes_from_string(refused[i]), 1000, &quantity), "\"%s\"",
                      refused[i]);
    }
}

Test(quantity, reads_octal) {
    uint64_t quantity = 0;
    cr_expect(quantity_parse_octal(bytes_from_string("700"), &quantity));
    cr_expect_eq(quantity, 0700);
    cr_expect(quantity_parse_octal(bytes_from_string("0777"), &quantity));
    cr_expect_eq(quantity, 0777);
    static const char *const refused[] = {"", "8", "78", "-7", "0x7", "7 ", "777777777777"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        cr_expect_not(quantity_parse_octal(bytes_from_string(refused[i]), &quantity), "\"%s\"", refused[i]);
    }
}

Test(quantity, writes_the_shortest_exact_text) {
    static const struct {
        int64_t quantity;
        const char *text;
    } rows[] = {
        {0, "0"},       {1, "1"},       {-1, "-1"},          {1000, "1000"},     {1024, "1k"},
        {1536, "1536"}, {65536, "64k"}, {1024 * 1024, "1m"}, {1073741824, "1g"}, {(int64_t)3 << 40, "3072g"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[QUANTITY_TEXT_SIZE_MAX];
        quantity_format(rows[i].quantity, text);
        cr_expect_str_eq(text, rows[i].text);
    }
}
