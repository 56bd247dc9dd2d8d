/* SPDX-License-Identifier: MIT
 *
 * Numbers with units, read and written.
 */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "riposte/random.h"
#include "units.h"

static void expect_size(const char *text, uint64_t unit, bool accepted, uint64_t expected) {
    uint64_t size = 12345;
    cr_expect_eq(units_parse_size(bytes_from_string(text), unit, &size), accepted, "\"%s\"", text);
    cr_expect_eq(size, accepted ? expected : 12345, "\"%s\" gave %" PRIu64, text, size);
}

static uint64_t count_of(const char *text) {
    uint64_t count = 12345;
    return units_parse_count(bytes_from_string(text), &count) ? count : UINT64_MAX;
}

static uint64_t duration_of(const char *text) {
    uint64_t time_ns = 12345;
    return units_parse_duration(bytes_from_string(text), &time_ns) ? time_ns : UINT64_MAX;
}

/* --- sizes ------------------------------------------------------------------------------------------------
 */

Test(units, count_plain_sizes_in_the_unit_of_the_caller) {
    expect_size("0", 1, true, 0);
    expect_size("64", 1, true, 64);
    expect_size("64", UNITS_MIB, true, 64 * UNITS_MIB);
    expect_size("0.5", UNITS_MIB, true, UNITS_MIB / 2);
    expect_size("18446744073709551615", 1, true, UINT64_MAX);
}

Test(units, of_sizes_are_powers_of_1024_in_either_case) {
    expect_size("1k", 1, true, 1024);
    expect_size("1K", UNITS_MIB, true, 1024);
    expect_size("3m", 1, true, 3 * UNITS_MIB);
    expect_size("3M", 1, true, 3 * UNITS_MIB);
    expect_size("2g", 1, true, 2 * UNITS_GIB);
    expect_size("2G", 1, true, 2 * UNITS_GIB);
    expect_size("1.5m", 1, true, 3 << 19);
}

Test(units, refuse_what_is_no_size) {
    static const char *const refused[] = {"",   "k",  "m",   "-1",  "1.5", "1kb", "1 k", " 1", "1.k",
                                          "1t", "kk", "1mm", "0x1", "+1",  "1k ", "%",   ".5", "1e3"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        expect_size(refused[i], 1, false, 0);
    }
}

Test(units, refuse_sizes_that_do_not_fit_64_bits) {
    expect_size("18446744073709551616", 1, false, 0);
    expect_size("18014398509481984k", 1, false, 0);
    expect_size("18014398509481983k", 1, true, UINT64_C(18014398509481983) * 1024);
    expect_size("17592186044416", UNITS_MIB, false, 0);
}

Test(units, take_percentages_from_1_to_100) {
    uint64_t part = 0;
    cr_expect(units_parse_percent(bytes_from_string("50%"), 1000, &part));
    cr_expect_eq(part, 500);
    cr_expect(units_parse_percent(bytes_from_string("100%"), UINT64_MAX, &part));
    cr_expect_eq(part, UINT64_MAX);
    cr_expect(units_parse_percent(bytes_from_string("1%"), 99, &part));
    cr_expect_eq(part, 0);
    static const char *const refused[] = {"0%", "101%", "%", "50", "", "-1%", "5k%", "1.5%"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        cr_expect_not(units_parse_percent(bytes_from_string(refused[i]), 1000, &part), "\"%s\"", refused[i]);
    }
}

/* --- counts, durations, the rest --------------------------------------------------------------------------
 */

Test(units, of_counts_are_thousands) {
    cr_expect_eq(count_of("0"), 0);
    cr_expect_eq(count_of("250k"), 250000);
    cr_expect_eq(count_of("1.5m"), 1500000);
    cr_expect_eq(count_of("2G"), 2000000000);
    cr_expect_eq(count_of("18446744073709551614"), UINT64_MAX - 1);
}

Test(units, of_durations_are_seconds_unless_told_otherwise) {
    cr_expect_eq(duration_of("3"), UINT64_C(3000000000));
    cr_expect_eq(duration_of("200ms"), UINT64_C(200000000));
    cr_expect_eq(duration_of("0.25s"), UINT64_C(250000000));
    cr_expect_eq(duration_of("1.5us"), 1500);
    cr_expect_eq(duration_of("2m"), UINT64_C(120000000000));
    cr_expect_eq(duration_of("1h"), UINT64_C(3600000000000));
    cr_expect_eq(duration_of("1M"), UINT64_MAX, "a minute is m");
    cr_expect_eq(duration_of("0.5ns"), UINT64_MAX);
}

Test(units, refuse_what_is_no_whole_number_of_them) {
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

Test(units, may_be_millionths) {
    uint64_t millionths = 0;
    cr_expect(units_parse_millionths(bytes_from_string("0.99"), &millionths));
    cr_expect_eq(millionths, 990000);
    cr_expect(units_parse_millionths(bytes_from_string("12"), &millionths));
    cr_expect_eq(millionths, 12000000);
    cr_expect_not(units_parse_millionths(bytes_from_string("0.0000001"), &millionths));
    cr_expect_not(units_parse_millionths(bytes_from_string("1k"), &millionths));
}

Test(units, read_octal) {
    uint64_t number = 0;
    cr_expect(units_parse_octal(bytes_from_string("700"), &number));
    cr_expect_eq(number, 0700);
    cr_expect(units_parse_octal(bytes_from_string("0777"), &number));
    cr_expect_eq(number, 0777);
    static const char *const refused[] = {"", "8", "78", "-7", "0x7", "7 ", "777777777777"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        cr_expect_not(units_parse_octal(bytes_from_string(refused[i]), &number), "\"%s\"", refused[i]);
    }
    cr_expect_eq(number, 0777, "what is refused leaves the target alone");
}

/* --- writing ----------------------------------------------------------------------------------------------
 */

Test(units, write_the_shortest_exact_size) {
    static const struct {
        uint64_t size;
        const char *text;
    } rows[] = {{0, "0"},
                {1, "1"},
                {1000, "1000"},
                {1024, "1k"},
                {1536, "1536"},
                {65536, "64k"},
                {1024 * 1024, "1m"},
                {1073741824, "1g"},
                {UINT64_C(3) << 40, "3072g"},
                {UINT64_MAX, "18446744073709551615"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_str_eq(units_format_size(rows[i].size).text, rows[i].text);
    }
}

Test(units, write_exact_durations_in_the_largest_unit_that_fits) {
    cr_expect_str_eq(units_format_duration(0).text, "0s");
    cr_expect_str_eq(units_format_duration(1).text, "1ns");
    cr_expect_str_eq(units_format_duration(1500).text, "1500ns");
    cr_expect_str_eq(units_format_duration(1000000).text, "1ms");
    cr_expect_str_eq(units_format_duration(UINT64_C(90000000000)).text, "90s");
    cr_expect_str_eq(units_format_duration(UINT64_C(86400000000000)).text, "24h");
}

Test(units, read_what_they_wrote_exactly) {
    struct random random = {.state = 5};
    for (int round = 0; round < 2000; round++) {
        uint64_t number = random_next(&random) >> random_below(&random, 64);
        uint64_t size = 0;
        cr_assert(units_parse_size(bytes_from_string(units_format_size(number).text), 1, &size));
        cr_assert_eq(size, number);
        cr_assert_eq(duration_of(units_format_duration(number).text), number);
    }
}

Test(units, show_counts_in_groups_of_three) {
    cr_expect_str_eq(units_show_count(0).text, "0");
    cr_expect_str_eq(units_show_count(999).text, "999");
    cr_expect_str_eq(units_show_count(351234).text, "351,234");
    cr_expect_str_eq(units_show_count(UINT64_MAX).text, "18,446,744,073,709,551,615");
}

Test(units, show_durations_with_the_unit_that_fits) {
    cr_expect_str_eq(units_show_duration(850).text, "850 ns");
    cr_expect_str_eq(units_show_duration(68100).text, "68.10 us");
    cr_expect_str_eq(units_show_duration(UINT64_C(204500000)).text, "204.5 ms");
    cr_expect_str_eq(units_show_duration(UINT64_C(1203000000)).text, "1.203 s");
}

Test(units, show_sizes_in_powers_of_1024) {
    cr_expect_str_eq(units_show_size(32).text, "32 B");
    cr_expect_str_eq(units_show_size(16384).text, "16.00 KiB");
    cr_expect_str_eq(units_show_size(3 << 19).text, "1.500 MiB");
    cr_expect_str_eq(units_show_size(UINT64_C(5) << 30).text, "5.000 GiB");
}
