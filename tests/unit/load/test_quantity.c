/* SPDX-License-Identifier: MIT
 *
 * Numbers with units, read and written.
 */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "quantity.h"

static uint64_t count_of(const char *text) {
    uint64_t count = 12345;
    return quantity_parse_count(bytes_from_string(text), &count) ? count : UINT64_MAX;
}

static uint64_t duration_of(const char *text) {
    uint64_t time_ns = 12345;
    return quantity_parse_duration(bytes_from_string(text), &time_ns) ? time_ns : UINT64_MAX;
}

Test(quantity, reads_counts_in_thousands) {
    cr_expect_eq(count_of("0"), 0);
    cr_expect_eq(count_of("250k"), 250000);
    cr_expect_eq(count_of("1.5m"), 1500000);
    cr_expect_eq(count_of("18446744073709551614"), UINT64_MAX - 1);
}

Test(quantity, reads_sizes_in_powers_of_two) {
    uint64_t size;
    cr_assert(quantity_parse_size(bytes_from_string("16k"), &size));
    cr_expect_eq(size, 16384);
    cr_assert(quantity_parse_size(bytes_from_string("1.5m"), &size));
    cr_expect_eq(size, 3 << 19);
}

Test(quantity, reads_durations_in_seconds_unless_told_otherwise) {
    cr_expect_eq(duration_of("3"), UINT64_C(3000000000));
    cr_expect_eq(duration_of("200ms"), UINT64_C(200000000));
    cr_expect_eq(duration_of("0.25s"), UINT64_C(250000000));
    cr_expect_eq(duration_of("1.5us"), 1500);
    cr_expect_eq(duration_of("2m"), UINT64_C(120000000000));
}

Test(quantity, refuses_what_is_no_whole_number_of_units) {
    static const char *const refused[] = {"",
                                          "k",
                                          "1.5",
                                          "-1",
                                          "1kk",
                                          "1 k",
                                          "1.k",
                                          "0.1234567891",
                                          "1e3",
                                          "0x10",
                                          "18446744073709551616",
                                          "99999999999g"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        cr_expect_eq(count_of(refused[i]), UINT64_MAX, "%s gave %" PRIu64, refused[i], count_of(refused[i]));
    }
}

Test(quantity, writes_counts_in_groups_of_three) {
    cr_expect_str_eq(quantity_format_count(0).text, "0");
    cr_expect_str_eq(quantity_format_count(999).text, "999");
    cr_expect_str_eq(quantity_format_count(351234).text, "351,234");
    cr_expect_str_eq(quantity_format_count(UINT64_MAX).text, "18,446,744,073,709,551,615");
}

Test(quantity, writes_durations_with_the_unit_that_fits) {
    cr_expect_str_eq(quantity_format_duration(850).text, "850 ns");
    cr_expect_str_eq(quantity_format_duration(68100).text, "68.10 us");
    cr_expect_str_eq(quantity_format_duration(UINT64_C(204500000)).text, "204.5 ms");
    cr_expect_str_eq(quantity_format_duration(UINT64_C(1203000000)).text, "1.203 s");
}

Test(quantity, writes_sizes_in_powers_of_two) {
    cr_expect_str_eq(quantity_format_size(32).text, "32 B");
    cr_expect_str_eq(quantity_format_size(16384).text, "16.00 KiB");
    cr_expect_str_eq(quantity_format_size(3 << 19).text, "1.500 MiB");
}
