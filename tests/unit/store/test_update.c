/* SPDX-License-Identifier: MIT
 *
 * Append and prepend.
 */
#include "fixture.h"

Test(update, appends_and_prepends) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "middle");
    cr_expect_eq(fixture_store(&fixture, PUT_APPEND, "key", "-end"), STORE_OK);
    cr_expect_eq(fixture_store(&fixture, PUT_PREPEND, "key", "begin-"), STORE_OK);
    fixture_expect(&fixture, "key", "begin-middle-end");
    fixture_close(&fixture);
}

Test(update, takes_and_gives_empty_values) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "");
    cr_expect_eq(fixture_store(&fixture, PUT_APPEND, "key", ""), STORE_OK);
    fixture_expect(&fixture, "key", "");
    cr_expect_eq(fixture_store(&fixture, PUT_PREPEND, "key", "x"), STORE_OK);
    fixture_expect(&fixture, "key", "x");
    fixture_close(&fixture);
}

Test(update, stores_nothing_where_nothing_is) {
    struct fixture fixture = fixture_open();
    cr_expect_eq(fixture_store(&fixture, PUT_APPEND, "key", "v"), STORE_NOT_STORED);
    cr_expect_eq(fixture_store(&fixture, PUT_PREPEND, "key", "v"), STORE_NOT_STORED);
    fixture_set_expiring(&fixture, "key", "old", STORE_EXPIRED);
    cr_expect_eq(fixture_store(&fixture, PUT_APPEND, "key", "v"), STORE_NOT_STORED);
    cr_expect_eq(fixture_levels(&fixture).items_count, 0);
    fixture_close(&fixture);
}

Test(update, keeps_flags_expiry_and_form_of_the_key) {
    struct fixture fixture = fixture_open();
    const struct put_options set = {0}, append = {.mode = PUT_APPEND};
    struct item *item;
    cr_assert_eq(store_item_create(fixture.worker, text("key"), true, 77, 500, 1, &item), STORE_OK);
    *store_item_value(item) = 'a';
    store_put(fixture.worker, &item, &set, NULL);
    struct put_result result;
    cr_expect_eq(fixture_put(&fixture, text("key"), text("b"), 99, 900, &append, &result), STORE_OK);
    struct item_view view = fixture_get(&fixture, "key");
    cr_expect_eq(view.client_flags, 77);
    cr_expect_eq(view.expires_tick, 500);
    cr_expect(view.key_is_binary);
    cr_expect_eq(view.cas, result.cas);
    cr_expect_eq(result.value_size, 2);
    fixture_close(&fixture);
}

Test(update, compares_a_cas) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "a");
    uint64_t cas = fixture_get(&fixture, "key").cas;
    struct put_options append = {.mode = PUT_APPEND, .compare = true, .cas_expected = cas + 1};
    cr_expect_eq(fixture_put(&fixture, text("key"), text("b"), 0, 0, &append, NULL), STORE_EXISTS);
    append.cas_expected = cas;
    cr_expect_eq(fixture_put(&fixture, text("key"), text("b"), 0, 0, &append, NULL), STORE_OK);
    fixture_expect(&fixture, "key", "ab");
    cr_expect_eq(fixture_put(&fixture, text("none"), text("b"), 0, 0, &append, NULL), STORE_NOT_STORED);
    fixture_close(&fixture);
}

Test(update, creates_on_a_miss_when_asked_to) {
    struct fixture fixture = fixture_open();
    struct put_options append = {.mode = PUT_APPEND, .create = true, .create_expires_tick = 700};
    cr_expect_eq(fixture_put(&fixture, text("key"), text("a"), 5, 900, &append, NULL), STORE_OK);
    struct item_view view = fixture_get(&fixture, "key");
    cr_expect_eq(view.expires_tick, 700);
    cr_expect_eq(view.client_flags, 5);
    append.mode = PUT_PREPEND;
    cr_expect_eq(fixture_put(&fixture, text("key"), text("b"), 6, 900, &append, NULL), STORE_OK);
    fixture_expect(&fixture, "key", "ba");
    cr_expect_eq(fixture_get(&fixture, "key").client_flags, 5);
    fixture_close(&fixture);
}

Test(update, takes_an_explicit_cas) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "a");
    const struct put_options append = {.mode = PUT_APPEND, .cas_new = 123456789};
    struct put_result result;
    fixture_put(&fixture, text("key"), text("b"), 0, 0, &append, &result);
    cr_expect_eq(result.cas, 123456789);
    cr_expect_eq(fixture_get(&fixture, "key").cas, 123456789);
    fixture_expect(&fixture, "key", "ab");
    fixture_close(&fixture);
}

Test(update, stops_at_the_largest_item_and_keeps_the_old_value) {
    struct fixture fixture = fixture_open();
    size_t room = FIXTURE_MIB - 12 - 5 - 2;
    fixture_set_number(&fixture, 1, room - 1);
    cr_expect_eq(fixture_store(&fixture, PUT_APPEND, "key-1", "ab"), STORE_NOT_STORED);
    cr_expect_eq(fixture_get(&fixture, "key-1").value.size, room - 1);
    cr_expect_eq(fixture_store(&fixture, PUT_APPEND, "key-1", "a"), STORE_OK);
    cr_expect_eq(fixture_get(&fixture, "key-1").value.size, room);
    cr_expect_eq(fixture_store(&fixture, PUT_PREPEND, "key-1", "a"), STORE_NOT_STORED);
    fixture_close(&fixture);
}

Test(update, clears_the_marks_of_a_stale_item) {
    struct fixture fixture = fixture_open();
    const struct delete_options invalidate = {.invalidate = true};
    fixture_set(&fixture, "key", "a");
    store_delete(fixture.worker, text("key"), &invalidate, NULL);
    cr_assert(fixture_get(&fixture, "key").stale);
    fixture_store(&fixture, PUT_APPEND, "key", "b");
    cr_expect_not(fixture_get(&fixture, "key").stale);
    fixture_close(&fixture);
}

Test(update, grows_a_value_through_many_sizes) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "");
    for (unsigned i = 0; i < 3000; i++) {
        cr_assert_eq(
            fixture_store(&fixture, i % 2 == 0 ? PUT_APPEND : PUT_PREPEND, "key", i % 2 == 0 ? "b" : "a"),
            STORE_OK);
        if (i % 16 == 0) {
            fixture_turn(&fixture, 0);
        }
    }
    struct item_view view = fixture_get(&fixture, "key");
    cr_assert_eq(view.value.size, 3000);
    for (unsigned i = 0; i < 3000; i++) {
        cr_assert_eq(view.value.data[i], i < 1500 ? 'a' : 'b');
    }
    fixture_close(&fixture);
}
