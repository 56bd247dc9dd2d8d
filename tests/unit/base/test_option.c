/* SPDX-License-Identifier: MIT
 *
 * One option: its value from text and back, for every kind.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "option.h"
#include "sysinfo.h"

/* A field of every type, in which a test's option has its value. */
static union {
    bool yes;
    uint32_t u32;
    uint64_t u64;
    int32_t i32;
    char character;
    const char *text;
    enum option_show show;
    struct option_list list;
    struct option_suboptions suboptions;
} value;

static bool set(const struct option *option, const char *text) {
    memset(&value, 0, sizeof(value));
    return option_set(option, &value, text);
}

static void expect_u64(const struct option *option, const char *text, uint64_t expected) {
    cr_expect(set(option, text), "\"%s\"", text);
    cr_expect_eq(value.u64, expected, "\"%s\" gave %llu", text, (unsigned long long)value.u64);
}

static void expect_refused(const struct option *option, const char *const *texts) {
    for (; *texts != NULL; texts++) {
        cr_expect_not(set(option, *texts), "\"%s\" was taken", *texts);
    }
}

static void expect_expected(const struct option *option, const char *text) {
    char expected[OPTION_VALUE_SIZE_MAX];
    option_expected(option, expected);
    cr_expect_str_eq(expected, text);
}

static void expect_format(const struct option *option, const char *typed, const char *formatted) {
    char text[OPTION_VALUE_SIZE_MAX];
    cr_expect(set(option, typed), "%s", typed);
    option_format(option, &value, text);
    cr_expect_str_eq(text, formatted);
}

Test(option, without_a_value_turns_something_on_or_off) {
    const struct option on = {.kind = OPTION_ON};
    const struct option off = {.kind = OPTION_OFF};
    cr_expect(set(&on, NULL) && value.yes);
    cr_expect(set(&off, NULL) && !value.yes);
    cr_expect_not(set(&on, "yes"));
    cr_expect_not(set(&off, "no"));
    expect_expected(&on, "no value");
    expect_format(&on, NULL, "yes");
    expect_format(&off, NULL, "no");
}

Test(option, may_be_turned_off_by_its_negation) {
    const struct option row = {.kind = OPTION_SWITCH};
    const struct option level = {.kind = OPTION_LEVEL, .maximum = 2};
    const struct option count = {.kind = OPTION_COUNT, .maximum = 9};
    cr_expect(set(&row, NULL) && value.yes);
    cr_expect(option_clear(&row, &value) && !value.yes);
    cr_expect(set(&level, NULL) && value.u32 == 1);
    cr_expect(set(&level, "2") && value.u32 == 2);
    cr_expect_not(set(&level, "3"));
    cr_expect(option_clear(&level, &value) && value.u32 == 0);
    cr_expect_not(option_clear(&count, &value));
}

Test(option, may_be_repeated) {
    const struct option row = {.kind = OPTION_REPEAT};
    cr_expect(set(&row, NULL));
    cr_expect(option_set(&row, &value, NULL));
    cr_expect_eq(value.u32, 2);
}

Test(option, that_shows_something_may_take_its_one_word) {
    const struct option plain = {.kind = OPTION_SHOW};
    const struct option help = {.kind = OPTION_SHOW, .argument = "markdown"};
    cr_expect(set(&plain, NULL) && value.show == SHOW_PLAIN);
    cr_expect_not(set(&plain, "markdown"));
    cr_expect(set(&help, "markdown") && value.show == SHOW_ARGUMENT);
    cr_expect_not(set(&help, "html"));
    expect_expected(&help, "nothing or markdown");
}

Test(option, that_is_a_mode_takes_its_one_word_or_none) {
    const struct option check = {.kind = OPTION_MODE, .argument = "json"};
    cr_expect_eq(option_need(&check), OPTION_MAY_HAVE_VALUE);
    cr_expect(set(&check, NULL) && value.show == SHOW_PLAIN);
    cr_expect(set(&check, "json") && value.show == SHOW_ARGUMENT);
    cr_expect_not(set(&check, "xml"));
    expect_expected(&check, "nothing or json");
}

Test(option, of_a_count_keeps_its_limits) {
    const struct option row = {.kind = OPTION_COUNT, .minimum = 2, .maximum = 1000000};
    cr_expect(set(&row, "2") && value.u32 == 2);
    cr_expect(set(&row, "1000000") && value.u32 == 1000000);
    expect_refused(&row, (const char *const[]){"1", "1000001", "", "-2", "2k", "+2", " 2", "2.0", NULL});
    cr_expect_not(set(&row, NULL));
    expect_expected(&row, "a number from 2 to 1000000");
    expect_format(&row, "77", "77");
}

Test(option, of_a_count_never_wraps_32_bits) {
    const struct option row = {.kind = OPTION_COUNT, .maximum = UINT64_C(1) << 40};
    cr_expect(set(&row, "4294967295") && value.u32 == UINT32_MAX);
    cr_expect_not(set(&row, "4294967296"));
}

Test(option, of_thousands_takes_decimals_and_suffixes) {
    const struct option row = {.kind = OPTION_THOUSANDS, .minimum = 1, .maximum = 2000000};
    const struct option unlimited = {.kind = OPTION_THOUSANDS, .maximum = UINT64_MAX};
    expect_u64(&row, "500", 500);
    expect_u64(&row, "10k", 10000);
    expect_u64(&row, "1.5m", 1500000);
    expect_refused(&row, (const char *const[]){"0", "2000001", "3m", "0.0001k", "k", NULL});
    expect_u64(&unlimited, "18446744073709551615", UINT64_MAX);
    expect_expected(&row, "a number (500, 10k, 1.5m) from 1 to 2000000");
    expect_expected(&unlimited, "a number (500, 10k, 1.5m)");
}

Test(option, of_a_duration_is_kept_in_nanoseconds) {
    const struct option row = {
        .kind = OPTION_DURATION, .minimum = 1000000, .maximum = UINT64_C(3600000000000)};
    expect_u64(&row, "10", UINT64_C(10000000000));
    expect_u64(&row, "200ms", 200000000);
    expect_u64(&row, "1h", UINT64_C(3600000000000));
    expect_refused(&row, (const char *const[]){"999us", "61m", "long", "", NULL});
    expect_expected(&row, "a time (200ms, 10s, 5m) from 1ms to 1h");
}

Test(option, of_a_size_is_kept_in_bytes) {
    const struct option size = {.kind = OPTION_SIZE, .minimum = 1024, .maximum = 1 << 30};
    const struct option kilobytes = {.kind = OPTION_KILOBYTES, .maximum = 1 << 30};
    const struct option memory = {.kind = OPTION_MEMORY, .minimum = 1 << 20, .maximum = UINT64_C(1) << 50};
    expect_u64(&size, "64k", 65536);
    expect_u64(&size, "1.5m", 3 << 19);
    expect_refused(&size, (const char *const[]){"1023", "1025m", "64q", "50%", "", NULL});
    expect_u64(&kilobytes, "512", 512 * 1024);
    expect_u64(&memory, "64", 64 << 20);
    expect_u64(&memory, "65536k", 64 << 20);
    expect_u64(&memory, "50%", sysinfo_memory_size() / 2);
    expect_refused(&memory, (const char *const[]){"0", "101%", "0%", "512k", NULL});
    expect_expected(&size, "a size from 1k to 1g");
    expect_expected(&memory, "a percentage or a size from 1m to 1048576g");
    expect_format(&size, "1m", "1048576");
}

Test(option, may_ask_for_a_power_of_two) {
    const struct option row = {.kind = OPTION_POWER, .minimum = 8, .maximum = 32768};
    cr_expect(set(&row, "32k") && value.u32 == 32768);
    expect_refused(&row, (const char *const[]){"4", "100", "64k", "0", NULL});
    expect_expected(&row, "a power of two from 8 to 32k");
}

Test(option, of_a_port_may_be_negative_where_the_minimum_is) {
    const struct option row = {.kind = OPTION_PORT, .minimum = -1, .maximum = 65535};
    cr_expect(set(&row, "-1") && value.i32 == -1);
    cr_expect(set(&row, "65535") && value.i32 == 65535);
    expect_refused(&row, (const char *const[]){"-2", "65536", "http", "99999999999", NULL});
    expect_expected(&row, "a port from -1 to 65535");
    expect_format(&row, "-1", "-1");
}

Test(option, may_be_left_to_the_program) {
    const struct option row = {.kind = OPTION_AUTO, .maximum = 10000};
    cr_expect(set(&row, "auto") && value.i32 == OPTION_AUTO_VALUE);
    cr_expect(set(&row, "10000") && value.i32 == 10000);
    expect_refused(&row, (const char *const[]){"-1", "10001", "automatic", "", NULL});
    expect_expected(&row, "auto or a number from 0 to 10000");
    expect_format(&row, "auto", "auto");
    expect_format(&row, "7", "7");
}

Test(option, of_permission_bits_is_octal) {
    const struct option row = {.kind = OPTION_OCTAL, .maximum = 0777};
    cr_expect(set(&row, "750") && value.u32 == 0750);
    expect_refused(&row, (const char *const[]){"1000", "8", "rwx", NULL});
    expect_expected(&row, "an octal number up to 777");
    expect_format(&row, "0700", "700");
}

Test(option, may_be_one_character) {
    const struct option row = {.kind = OPTION_CHARACTER};
    cr_expect(set(&row, ":") && value.character == ':');
    expect_refused(&row, (const char *const[]){"", "::", " ", "\x7f", NULL});
    expect_format(&row, "|", "|");
}

Test(option, may_be_one_of_a_few_words) {
    const struct option row = {.kind = OPTION_WORD, .argument = "auto|uring|epoll"};
    cr_expect(set(&row, "auto") && value.u32 == 0);
    cr_expect(set(&row, "epoll") && value.u32 == 2);
    expect_refused(&row, (const char *const[]){"", "aut", "epoll|", "auto|uring", NULL});
    expect_expected(&row, "one of auto|uring|epoll");
    expect_format(&row, "uring", "uring");
}

Test(option, may_be_a_text_or_many) {
    const struct option text = {.kind = OPTION_TEXT};
    const struct option list = {.kind = OPTION_LIST};
    cr_expect(set(&text, "/run/s"));
    cr_expect_str_eq(value.text, "/run/s");
    cr_expect_not(set(&text, ""));
    expect_format(&list, "a", "a");
    for (unsigned i = 1; i < OPTION_LIST_COUNT_MAX; i++) {
        cr_expect(option_set(&list, &value, "b"));
    }
    cr_expect_not(option_set(&list, &value, "b"), "one more than there is room for");
    cr_expect_eq(value.list.count, OPTION_LIST_COUNT_MAX);
}

Test(option, that_was_never_given_is_written_as_null) {
    char text[OPTION_VALUE_SIZE_MAX];
    memset(&value, 0, sizeof(value));
    option_format(&(struct option){.kind = OPTION_TEXT}, &value, text);
    cr_expect_str_eq(text, "NULL");
    option_format(&(struct option){.kind = OPTION_LIST}, &value, text);
    cr_expect_str_eq(text, "NULL");
}

Test(option, of_a_decimal_is_kept_as_it_was_typed) {
    const struct option row = {.kind = OPTION_DECIMAL};
    expect_format(&row, "1.25", "1.25");
    expect_format(&row, "2", "2");
    expect_refused(&row, (const char *const[]){"", ".5", "1.2.3", "-1", "1e3", NULL});
}

Test(option, cuts_a_text_that_is_too_long_instead_of_overrunning) {
    static char path[2 * OPTION_VALUE_SIZE_MAX];
    char text[OPTION_VALUE_SIZE_MAX];
    const struct option list = {.kind = OPTION_LIST};
    memset(path, 'x', sizeof(path) - 1);
    cr_expect(set(&list, path) && option_set(&list, &value, path));
    option_format(&list, &value, text);
    cr_expect_eq(strlen(text), sizeof(text) - 1);
}

static bool even_read(void *values, const char *text) {
    *(uint32_t *)values = (uint32_t)strlen(text);
    return strlen(text) % 2 == 0;
}

Test(option, of_another_form_is_read_by_the_program) {
    const struct option row = {.kind = OPTION_OTHER, .read = even_read, .expected = "an even text"};
    cr_expect(set(&row, "even") && value.u32 == 4);
    cr_expect_not(set(&row, "odd"));
    cr_expect_not(set(&row, NULL));
    expect_expected(&row, "an even text");
}
