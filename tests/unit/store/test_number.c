/* SPDX-License-Identifier: MIT
 *
 * incr and decr.
 */
#include "fixture.h"

static enum store_status add(struct fixture *fixture, uint64_t delta, struct number_result *result) {
    const struct number_options options = {.delta = delta};
    return store_add_number(fixture->worker, text("key"), &options, result);
}

static enum store_status subtract(struct fixture *fixture, uint64_t delta, struct number_result *result) {
    const struct number_options options = {.delta = delta, .decrement = true};
    return store_add_number(fixture->worker, text("key"), &options, result);
}

static void expect_sum(const char *value, uint64_t delta, uint64_t number, const char *stored) {
    struct fixture fixture = fixture_open();
    struct number_result result;
    fixture_set(&fixture, "key", value);
    cr_expect_eq(add(&fixture, delta, &result), STORE_OK, "\"%s\" is a number", value);
    cr_expect_eq(result.number, number);
    fixture_expect(&fixture, "key", stored);
    fixture_close(&fixture);
}

static void expect_difference(const char *value, uint64_t delta, uint64_t number, const char *stored) {
    struct fixture fixture = fixture_open();
    struct number_result result;
    fixture_set(&fixture, "key", value);
    cr_expect_eq(subtract(&fixture, delta, &result), STORE_OK);
    cr_expect_eq(result.number, number);
    fixture_expect(&fixture, "key", stored);
    fixture_close(&fixture);
}

static void expect_no_number(struct bytes value) {
    struct fixture fixture = fixture_open();
    const struct put_options set = {0};
    struct number_result result;
    fixture_put(&fixture, text("key"), value, 0, 0, &set, NULL);
    uint64_t cas = fixture_get(&fixture, "key").cas;
    cr_expect_eq(add(&fixture, 1, &result), STORE_NOT_NUMBER, "\"%.*s\" is no number", (int)value.size,
                 value.data);
    cr_expect_eq(fixture_get(&fixture, "key").cas, cas, "nothing was stored");
    fixture_close(&fixture);
}

Test(number, adds_and_subtracts) {
    expect_sum("0", 0, 0, "0");
    expect_sum("5", 1, 6, "6");
    expect_sum("99", 1, 100, "100");
    expect_difference("5", 3, 2, "2");
}

Test(number, wraps_at_2_to_the_64th) {
    expect_sum("18446744073709551615", 1, 0, "0                   ");
    expect_sum("18446744073709551614", 1, UINT64_MAX, "18446744073709551615");
    expect_sum("1", UINT64_MAX, 0, "0");
}

Test(number, stops_at_0) {
    expect_difference("5", 5, 0, "0");
    expect_difference("5", 6, 0, "0");
    expect_difference("5", UINT64_MAX, 0, "0");
}

Test(number, keeps_the_length_when_the_result_is_shorter) {
    expect_difference("10", 1, 9, "9 ");
    expect_difference("1000", 999, 1, "1   ");
    expect_sum("0005", 1, 6, "6   ");
    expect_sum("9 ", 1, 10, "10");
}

Test(number, ends_at_white_space) {
    expect_sum("5 apples", 1, 6, "6       ");
    expect_sum("5\tx", 1, 6, "6  ");
    expect_sum("5\r\n", 1, 6, "6  ");
    expect_sum("5\v\f", 1, 6, "6  ");
}

Test(number, has_leading_zeros_without_end_and_stays_below_2_to_the_64th) {
    expect_sum("00000000000000000005", 1, 6, "6                   ");
    expect_sum("000000000000000000005", 1, 6, "6                    ");
    expect_sum("0000000000000000000018446744073709551615", 1, 0, "0                                       ");
    expect_no_number(text("0018446744073709551616"));
    expect_no_number(text("18446744073709551616"));
    expect_no_number(text("99999999999999999999"));
}

Test(number, is_nothing_else) {
    expect_no_number(text(""));
    expect_no_number(text(" "));
    expect_no_number(text(" \t\r\n"));
    expect_no_number(text("+"));
    expect_no_number(text("++5"));
    expect_no_number(text("+ 5"));
    expect_no_number(text("-5"));
    expect_no_number(text(" -5"));
    expect_no_number(text("-0"));
    expect_no_number(text("-18446744073709551615"));
    expect_no_number(text("5x"));
    expect_no_number(text("x"));
    expect_no_number(text("0x10"));
}

Test(number, may_stand_behind_white_space_and_a_plus_sign) {
    expect_sum(" 5", 1, 6, "6 ");
    expect_sum("\t\n\v\f\r 5", 1, 6, "6      ");
    expect_sum("+5", 1, 6, "6 ");
    expect_sum("  +05  ", 1, 6, "6      ");
}

Test(number, ends_at_a_nul) {
    struct fixture fixture = fixture_open();
    const struct put_options set = {0};
    struct number_result result;
    fixture_put(&fixture, text("key"), bytes_of("5\0x", 3), 0, 0, &set, NULL);
    cr_expect_eq(add(&fixture, 1, &result), STORE_OK);
    cr_expect_eq(result.number, 6);
    fixture_expect(&fixture, "key", "6  ");
    fixture_close(&fixture);
}

Test(number, misses) {
    struct fixture fixture = fixture_open();
    struct number_result result;
    cr_expect_eq(add(&fixture, 1, &result), STORE_MISS);
    fixture_set_expiring(&fixture, "key", "5", STORE_EXPIRED);
    cr_expect_eq(add(&fixture, 1, &result), STORE_MISS);
    fixture_close(&fixture);
}

Test(number, keeps_flags_and_expiry_and_gives_a_new_cas) {
    struct fixture fixture = fixture_open();
    const struct put_options set = {0};
    struct number_result result;
    fixture_put(&fixture, text("key"), text("5"), 77, 500, &set, NULL);
    uint64_t cas = fixture_get(&fixture, "key").cas;
    cr_expect_eq(add(&fixture, 1, &result), STORE_OK);
    struct item_view view = fixture_get(&fixture, "key");
    cr_expect_eq(view.client_flags, 77);
    cr_expect_eq(view.expires_tick, 500);
    cr_expect_gt(view.cas, cas);
    cr_expect_eq(result.cas, view.cas);
    cr_expect_eq(result.expires_tick_before, 500);
    cr_expect_eq(result.expires_tick, 500);
    cr_expect_not(result.created);
    cr_expect(bytes_equal_string(result.key, "key"));
    fixture_close(&fixture);
}

Test(number, sets_the_expiry_when_asked_to) {
    struct fixture fixture = fixture_open();
    struct number_result result;
    const struct number_options options = {.delta = 1, .touch = true, .touch_expires_tick = 900};
    fixture_set_expiring(&fixture, "key", "5", 500);
    cr_expect_eq(store_add_number(fixture.worker, text("key"), &options, &result), STORE_OK);
    cr_expect_eq(result.expires_tick_before, 500);
    cr_expect_eq(result.expires_tick, 900);
    cr_expect_eq(fixture_get(&fixture, "key").expires_tick, 900);
    fixture_close(&fixture);
}

Test(number, creates_the_initial_value_without_the_delta) {
    struct fixture fixture = fixture_open();
    struct number_result result;
    const struct number_options options = {
        .delta = 3, .create = true, .initial = UINT64_MAX, .create_expires_tick = 700, .key_is_binary = true};
    cr_expect_eq(store_add_number(fixture.worker, text("key"), &options, &result), STORE_OK);
    cr_expect(result.created);
    cr_expect_eq(result.number, UINT64_MAX);
    cr_expect_eq(result.expires_tick, 700);
    cr_expect(result.key_is_binary);
    fixture_expect(&fixture, "key", "18446744073709551615");
    cr_expect_eq(store_add_number(fixture.worker, text("key"), &options, &result), STORE_OK);
    cr_expect_not(result.created);
    cr_expect_eq(result.number, 2);
    fixture_close(&fixture);
}

Test(number, compares_a_cas) {
    struct fixture fixture = fixture_open();
    struct number_result result;
    fixture_set(&fixture, "key", "5");
    struct number_options options = {
        .delta = 1, .compare = true, .cas_expected = fixture_get(&fixture, "key").cas + 1};
    cr_expect_eq(store_add_number(fixture.worker, text("key"), &options, &result), STORE_EXISTS);
    options.cas_expected--;
    options.cas_new = 4711;
    cr_expect_eq(store_add_number(fixture.worker, text("key"), &options, &result), STORE_OK);
    cr_expect_eq(result.cas, 4711);
    cr_expect_eq(fixture_get(&fixture, "key").cas, 4711);
    fixture_expect(&fixture, "key", "6");
    fixture_close(&fixture);
}

Test(number, keeps_marks_unless_it_grows) {
    struct fixture fixture = fixture_open();
    struct number_result result;
    const struct delete_options invalidate = {.invalidate = true};
    fixture_set(&fixture, "key", "8");
    fixture_get(&fixture, "key");
    store_delete(fixture.worker, text("key"), &invalidate, NULL);
    add(&fixture, 1, &result);
    struct item_view view = fixture_get(&fixture, "key");
    cr_expect(view.stale);
    cr_expect(view.fetched);
    add(&fixture, 1, &result);
    view = fixture_get(&fixture, "key");
    cr_expect_not(view.stale);
    cr_expect_not(view.fetched);
    fixture_expect(&fixture, "key", "10");
    fixture_close(&fixture);
}

Test(number, of_an_empty_value_is_none_whatever_its_cas) {
    struct fixture fixture = fixture_open();
    const struct number_options options = {.delta = 1, .compare = true, .cas_expected = UINT64_MAX};
    struct number_result result;
    fixture_set(&fixture, "key", "");
    cr_expect_eq(store_add_number(fixture.worker, bytes_from_string("key"), &options, &result),
                 STORE_NOT_NUMBER);
    fixture_set(&fixture, "key", "x");
    cr_expect_eq(store_add_number(fixture.worker, bytes_from_string("key"), &options, &result), STORE_EXISTS,
                 "anything else is compared first");
    fixture_close(&fixture);
}

Test(number, is_no_large_value_whatever_it_begins_with) {
    static char value[600000];
    memset(value, ' ', sizeof(value));
    value[0] = '5';
    expect_no_number(bytes_of(value, sizeof(value)));
}

Test(number, agrees_with_arithmetic_on_random_numbers) {
    struct fixture fixture = fixture_open();
    struct random random = fixture_random();
    struct number_result result;
    uint64_t expected = 0;
    fixture_set(&fixture, "key", "0");
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t delta = random_next(&random) >> random_below(&random, 64);
        bool decrement = random_below(&random, 2) == 0;
        expected = decrement ? (expected > delta ? expected - delta : 0) : expected + delta;
        cr_assert_eq(decrement ? subtract(&fixture, delta, &result) : add(&fixture, delta, &result),
                     STORE_OK);
        cr_assert_eq(result.number, expected);
        fixture_turn(&fixture, 0);
    }
    fixture_close(&fixture);
}
