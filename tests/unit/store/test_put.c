/* SPDX-License-Identifier: MIT
 *
 * Set, add, replace, compare-and-store, and the limits of an item.
 */
#include "fixture.h"

static enum store_status put(struct fixture *fixture, const char *value, struct put_options options,
                             struct put_result *result) {
    return fixture_put(fixture, text("key"), text(value), 0, STORE_EXPIRES_NEVER, &options, result);
}

Test(put, set_replaces) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "one");
    fixture_set(&fixture, "key", "two");
    fixture_expect(&fixture, "key", "two");
    cr_expect_eq(fixture_levels(&fixture).items_count, 1);
    fixture_close(&fixture);
}

Test(put, set_takes_an_empty_value) {
    struct fixture fixture = fixture_open();
    cr_expect_eq(fixture_set(&fixture, "key", ""), STORE_OK);
    fixture_expect(&fixture, "key", "");
    fixture_close(&fixture);
}

Test(put, add_stores_only_what_is_missing) {
    struct fixture fixture = fixture_open();
    cr_expect_eq(fixture_store(&fixture, PUT_ADD, "key", "one"), STORE_OK);
    cr_expect_eq(fixture_store(&fixture, PUT_ADD, "key", "two"), STORE_NOT_STORED);
    fixture_expect(&fixture, "key", "one");
    fixture_close(&fixture);
}

Test(put, add_on_an_existing_key_counts_as_a_use_but_not_as_a_read) {
    struct fixture fixture = fixture_open();
    uint32_t start_tick = store_now_tick(fixture.worker);
    fixture_set(&fixture, "key", "one");
    fixture_turn(&fixture, 5000);
    fixture_store(&fixture, PUT_ADD, "key", "two");
    struct item_view view = fixture_get(&fixture, "key");
    cr_expect_eq(view.used_tick, start_tick + 5);
    cr_expect_not(view.fetched);
    fixture_close(&fixture);
}

Test(put, add_takes_the_place_of_an_expired_item) {
    struct fixture fixture = fixture_open();
    fixture_set_expiring(&fixture, "key", "one", STORE_EXPIRED);
    cr_expect_eq(fixture_store(&fixture, PUT_ADD, "key", "two"), STORE_OK);
    fixture_expect(&fixture, "key", "two");
    cr_expect_eq(fixture_count(&fixture, get_expired), 1);
    cr_expect_eq(fixture_count(&fixture, reclaimed), 1);
    cr_expect_eq(fixture_count(&fixture, expired_unfetched), 1);
    fixture_close(&fixture);
}

Test(put, replace_stores_only_what_is_there) {
    struct fixture fixture = fixture_open();
    cr_expect_eq(fixture_store(&fixture, PUT_REPLACE, "key", "one"), STORE_NOT_STORED);
    fixture_set(&fixture, "key", "two");
    cr_expect_eq(fixture_store(&fixture, PUT_REPLACE, "key", "three"), STORE_OK);
    fixture_expect(&fixture, "key", "three");
    fixture_close(&fixture);
}

Test(put, replace_does_not_find_an_expired_item) {
    struct fixture fixture = fixture_open();
    fixture_set_expiring(&fixture, "key", "one", STORE_EXPIRED);
    cr_expect_eq(fixture_store(&fixture, PUT_REPLACE, "key", "two"), STORE_NOT_STORED);
    cr_expect_eq(fixture_levels(&fixture).items_count, 0);
    fixture_close(&fixture);
}

Test(put, cas_compares) {
    struct fixture fixture = fixture_open();
    struct put_result result;
    cr_expect_eq(put(&fixture, "v", (struct put_options){.compare = true, .cas_expected = 1}, NULL),
                 STORE_MISS);
    put(&fixture, "one", (struct put_options){0}, &result);
    cr_expect_eq(
        put(&fixture, "two", (struct put_options){.compare = true, .cas_expected = result.cas + 1}, NULL),
        STORE_EXISTS);
    cr_expect_eq(put(&fixture, "two", (struct put_options){.compare = true, .cas_expected = 0}, NULL),
                 STORE_EXISTS);
    fixture_expect(&fixture, "key", "one");
    cr_expect_eq(
        put(&fixture, "two", (struct put_options){.compare = true, .cas_expected = result.cas}, NULL),
        STORE_OK);
    fixture_expect(&fixture, "key", "two");
    cr_expect_eq(
        put(&fixture, "three", (struct put_options){.compare = true, .cas_expected = result.cas}, NULL),
        STORE_EXISTS);
    fixture_close(&fixture);
}

Test(put, replace_compares_as_set_does) {
    struct fixture fixture = fixture_open();
    struct put_result result;
    struct put_options options = {.mode = PUT_REPLACE, .compare = true, .cas_expected = 1};
    cr_expect_eq(put(&fixture, "v", options, NULL), STORE_MISS);
    put(&fixture, "one", (struct put_options){0}, &result);
    options.cas_expected = result.cas;
    cr_expect_eq(put(&fixture, "two", options, NULL), STORE_OK);
    cr_expect_eq(put(&fixture, "three", options, NULL), STORE_EXISTS);
    fixture_close(&fixture);
}

Test(put, add_ignores_a_cas) {
    struct fixture fixture = fixture_open();
    struct put_options options = {.mode = PUT_ADD, .compare = true, .cas_expected = 99};
    cr_expect_eq(put(&fixture, "one", options, NULL), STORE_OK);
    cr_expect_eq(put(&fixture, "two", options, NULL), STORE_NOT_STORED);
    fixture_close(&fixture);
}

Test(put, every_change_has_a_cas_of_its_own_and_none_is_0) {
    struct fixture fixture = fixture_open();
    uint64_t last = 0;
    for (unsigned i = 0; i < 100; i++) {
        fixture_set_number(&fixture, i % 3, 10);
        struct item_view view;
        cr_assert_eq(fixture_get_number(&fixture, i % 3, &view), STORE_OK);
        cr_assert_gt(view.cas, last);
        last = view.cas;
    }
    fixture_close(&fixture);
}

Test(put, takes_an_explicit_cas) {
    struct fixture fixture = fixture_open();
    struct put_result result;
    cr_expect_eq(put(&fixture, "one", (struct put_options){.cas_new = UINT64_MAX}, &result), STORE_OK);
    cr_expect_eq(result.cas, UINT64_MAX);
    cr_expect_eq(fixture_get(&fixture, "key").cas, UINT64_MAX);
    fixture_expect(&fixture, "key", "one");
    cr_expect_eq(
        put(&fixture, "two", (struct put_options){.compare = true, .cas_expected = UINT64_MAX}, &result),
        STORE_OK);
    cr_expect_lt(result.cas, UINT64_C(1) << 32, "the next of the store's own numbers");
    fixture_close(&fixture);
}

Test(put, an_explicit_cas_does_not_disturb_a_flush) {
    struct fixture fixture = fixture_open();
    put(&fixture, "one", (struct put_options){.cas_new = UINT64_MAX}, NULL);
    store_flush(fixture.worker, 0);
    cr_expect_not(fixture_has(&fixture, "key"));
    put(&fixture, "two", (struct put_options){.cas_new = 1}, NULL);
    fixture_expect(&fixture, "key", "two");
    fixture_close(&fixture);
}

Test(put, an_older_cas_stores_as_stale_when_asked_to) {
    struct fixture fixture = fixture_open();
    struct put_result first, second, third;
    put(&fixture, "one", (struct put_options){0}, &first);
    const struct put_options set = {0};
    fixture_put(&fixture, text("key"), text("two"), 0, 500, &set, &second);
    struct put_options stale = {.compare = true, .invalidate = true, .cas_expected = first.cas};
    cr_expect_eq(put(&fixture, "three", stale, &third), STORE_OK);
    struct item_view view = fixture_get(&fixture, "key");
    cr_expect(view.stale);
    cr_expect_not(view.won_before);
    cr_expect_eq(view.expires_tick, 500, "the old expiry stays");
    cr_expect_gt(third.cas, second.cas);
    fixture_expect(&fixture, "key", "three");
    stale.cas_expected = third.cas + 1;
    cr_expect_eq(put(&fixture, "four", stale, NULL), STORE_EXISTS, "a newer CAS is not accepted");
    stale.cas_expected = 0;
    cr_expect_eq(put(&fixture, "four", stale, NULL), STORE_EXISTS, "nor is 0");
    stale.cas_expected = third.cas;
    cr_expect_eq(put(&fixture, "four", stale, NULL), STORE_OK);
    cr_expect_not(fixture_get(&fixture, "key").stale, "the right CAS is an ordinary store");
    fixture_close(&fixture);
}

Test(put, counts_what_is_added_and_removed) {
    struct fixture fixture = fixture_open();
    for (unsigned i = 0; i < 10; i++) {
        fixture_set_number(&fixture, i % 4, 50);
    }
    struct store_levels levels = fixture_levels(&fixture);
    cr_expect_eq(counter_read(&levels.sums.items_added), 10);
    cr_expect_eq(counter_read(&levels.sums.items_removed), 6);
    cr_expect_eq(levels.items_count, 4);
    cr_expect_eq(levels.items_size, 4 * store_item_charge(5, 50, false));
    fixture_close(&fixture);
}

/*
 * --- limits
 * --------------------------------------------------------------------------------------------------
 */

static enum store_status create_and_discard(struct fixture *fixture, size_t value_size,
                                            uint32_t client_flags) {
    struct item *item;
    enum store_status status =
        store_item_create(fixture->worker, text("key"), false, client_flags, 0, value_size, &item);
    if (status == STORE_OK) {
        store_item_discard(fixture->worker, item);
    }
    return status;
}

Test(put, an_item_may_be_item_size_max_and_not_a_byte_more) {
    struct fixture fixture = fixture_open();
    size_t value_size_max = FIXTURE_MIB - 12 - 3 - 2;
    cr_expect_eq(create_and_discard(&fixture, value_size_max, 0), STORE_OK);
    cr_expect_eq(create_and_discard(&fixture, value_size_max + 1, 0), STORE_TOO_LARGE);
    cr_expect_eq(create_and_discard(&fixture, value_size_max - 4, 1), STORE_OK);
    cr_expect_eq(create_and_discard(&fixture, value_size_max - 3, 1), STORE_TOO_LARGE);
    cr_expect_eq(create_and_discard(&fixture, SIZE_MAX, 0), STORE_TOO_LARGE);
    cr_expect_eq(create_and_discard(&fixture, SIZE_MAX - 31, 0), STORE_TOO_LARGE);
    cr_expect_eq(fixture_count(&fixture, too_large), 4);
    fixture_close(&fixture);
}

Test(put, a_value_of_1_mib_less_1_kib_fits_the_default_limit) {
    struct fixture fixture = fixture_open();
    cr_expect_eq(fixture_set_number(&fixture, 1, FIXTURE_MIB - 1024), STORE_OK);
    struct item_view view;
    cr_assert_eq(fixture_get_number(&fixture, 1, &view), STORE_OK);
    cr_expect_eq(view.value.size, FIXTURE_MIB - 1024);
    cr_expect(memcmp(view.value.data + view.value.size, "\r\n", 2) == 0);
    fixture_close(&fixture);
}

static struct item *begin(struct fixture *fixture, size_t value_size) {
    struct item *item;
    cr_assert_eq(store_item_create(fixture->worker, text("key"), false, 7, 0, value_size, &item), STORE_OK);
    return item;
}

/* All memory is used once more. */
static void fill_all(struct fixture *fixture) {
    for (uint64_t number = 0; number < 20000; number++) {
        cr_assert_eq(fixture_set_number(fixture, number, 1000), STORE_OK);
        if (number % 50 == 0) {
            fixture_turn(fixture, 1);
        }
    }
}

static void expect_unfinished_survives(size_t value_size, bool is_stored) {
    struct fixture fixture = fixture_open();
    const struct put_options set = {.mode = PUT_SET};
    struct item *item = begin(&fixture, value_size);
    memset(store_item_value(item), 'v', value_size);
    fill_all(&fixture);
    cr_expect_not(fixture_has(&fixture, "key"));
    if (is_stored) {
        cr_assert_eq(store_put(fixture.worker, &item, &set, NULL), STORE_OK);
        struct item_view view = fixture_get(&fixture, "key");
        cr_expect_eq(view.client_flags, 7);
        cr_expect_eq(view.value.size, value_size);
        for (size_t i = 0; i < value_size; i++) {
            cr_assert_eq(view.value.data[i], 'v');
        }
    } else {
        store_item_discard(fixture.worker, item);
        cr_expect_not(fixture_has(&fixture, "key"));
    }
    fixture_close(&fixture);
}

Test(put, an_item_that_is_not_finished_is_invisible) {
    expect_unfinished_survives(5000, true);
    expect_unfinished_survives(5000, false);
}

Test(put, a_large_item_that_is_not_finished_is_invisible) {
    expect_unfinished_survives(500000, true);
    expect_unfinished_survives(500000, false);
}

Test(put, several_items_that_are_not_finished_survive_turns) {
    struct fixture fixture = fixture_open();
    const struct put_options set = {.mode = PUT_SET};
    struct item *items[8];
    for (unsigned i = 0; i < 8; i++) {
        cr_assert_eq(store_item_create(fixture.worker, text("key"), false, i, 0, 3000, &items[i]), STORE_OK);
        memset(store_item_value(items[i]), 'a' + (int)i, 3000);
    }
    fill_all(&fixture);
    for (unsigned i = 0; i < 8; i++) {
        cr_assert_eq(store_put(fixture.worker, &items[i], &set, NULL), STORE_OK);
        struct item_view view = fixture_get(&fixture, "key");
        cr_expect_eq(view.client_flags, i);
        cr_expect_eq(view.value.data[2999], (char)('a' + i));
    }
    fixture_close(&fixture);
}

Test(put, refuses_when_full_and_not_allowed_to_evict) {
    struct store_config config = fixture_config();
    config.evict = false;
    config.memory_size_max = FIXTURE_MIB;
    config.item_size_max = FIXTURE_MIB / 2;
    struct fixture fixture = fixture_open_with(config);
    unsigned stored_count = 0;
    for (; fixture_set_number(&fixture, stored_count, 1000) == STORE_OK; stored_count++) {
        fixture_turn(&fixture, 0);
    }
    cr_expect_gt(stored_count, 740, "%u of 1280 bytes", stored_count);
    struct item_view view;
    for (unsigned i = 0; i < stored_count; i++) {
        cr_assert_eq(fixture_get_number(&fixture, i, &view), STORE_OK, "key-%u", i);
    }
    cr_expect_eq(fixture_count(&fixture, evictions), 0);
    cr_expect_eq(fixture_count(&fixture, no_memory), 1);
    store_delete(fixture.worker, text("key-0"), NULL, NULL);
    fixture_turn(&fixture, 0);
    cr_expect_eq(fixture_set_number(&fixture, 0, 1000), STORE_OK, "room was made");
    fixture_close(&fixture);
}

Test(put, set_in_one_step_stores_what_it_is_given) {
    struct fixture fixture = fixture_open();
    uint32_t expires_tick = store_now_tick(fixture.worker) + 10;
    cr_assert_eq(fixture_set_at_once(&fixture, text("key"), text("one"), 0, STORE_EXPIRES_NEVER), STORE_OK);
    uint64_t cas = fixture_get(&fixture, "key").cas;
    cr_assert_eq(fixture_set_at_once(&fixture, text("key"), text(""), 7, expires_tick), STORE_OK);
    struct item_view view = fixture_get(&fixture, "key");
    cr_expect_eq(view.value.size, 0);
    cr_expect_eq(view.client_flags, 7);
    cr_expect_eq(view.expires_tick, expires_tick);
    cr_expect_gt(view.cas, cas);
    cr_expect_eq(fixture_count(&fixture, items_added), 2);
    cr_expect_eq(fixture_count(&fixture, items_removed), 1);
    fixture_close(&fixture);
}

Test(put, set_in_one_step_refuses_what_is_too_large_and_keeps_what_was_there) {
    struct fixture fixture = fixture_open();
    size_t size = fixture.store->item_size_max;
    char *value = calloc(1, size);
    cr_assert_eq(fixture_set(&fixture, "key", "one"), STORE_OK);
    cr_expect_eq(fixture_set_at_once(&fixture, text("key"), bytes_of(value, size), 0, STORE_EXPIRES_NEVER),
                 STORE_TOO_LARGE);
    cr_expect_eq(fixture_count(&fixture, too_large), 1);
    fixture_expect(&fixture, "key", "one");
    /* One byte less than the largest, and the largest: each has a segment to itself. */
    size -= 8 + 3 + 2;
    for (size_t less = 0; less < 2; less++) {
        cr_expect_eq(fixture_set_at_once(&fixture, text("key"), bytes_of(value, size - 4 - less), 0,
                                         STORE_EXPIRES_NEVER),
                     STORE_OK);
        cr_expect_eq(fixture_get(&fixture, "key").value.size, size - 4 - less);
    }
    free(value);
    fixture_close(&fixture);
}
