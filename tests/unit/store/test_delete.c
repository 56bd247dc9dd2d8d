/* SPDX-License-Identifier: MIT
 *
 * Deleting, and keeping an item as stale or without its value.
 */
#include "fixture.h"

Test(delete, takes_the_item_out) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    cr_expect_eq(store_delete(fixture.worker, text("key"), NULL, NULL), STORE_OK);
    cr_expect_not(fixture_has(&fixture, "key"));
    cr_expect_eq(store_delete(fixture.worker, text("key"), NULL, NULL), STORE_MISS);
    cr_expect_eq(fixture_levels(&fixture).items_count, 0);
    fixture_close(&fixture);
}

Test(delete, does_not_find_an_expired_item) {
    struct fixture fixture = fixture_open();
    fixture_set_expiring(&fixture, "key", "value", STORE_EXPIRED);
    cr_expect_eq(store_delete(fixture.worker, text("key"), NULL, NULL), STORE_MISS);
    cr_expect_eq(fixture_count(&fixture, get_expired), 1);
    fixture_close(&fixture);
}

Test(delete, compares_a_cas) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    struct delete_options options = {.compare = true, .cas_expected = fixture_get(&fixture, "key").cas + 1};
    cr_expect_eq(store_delete(fixture.worker, text("key"), &options, NULL), STORE_EXISTS);
    cr_expect(fixture_has(&fixture, "key"));
    options.cas_expected--;
    cr_expect_eq(store_delete(fixture.worker, text("key"), &options, NULL), STORE_OK);
    cr_expect_not(fixture_has(&fixture, "key"));
    fixture_close(&fixture);
}

Test(delete, gives_the_memory_back) {
    struct fixture fixture = fixture_open();
    fixture_set_number(&fixture, 0, 10); /* what a worker needs once is there now */
    struct store_levels before = fixture_levels(&fixture);
    for (unsigned i = 1; i < 100; i++) {
        fixture_set_number(&fixture, i, 5000);
    }
    for (unsigned i = 1; i < 100; i++) {
        char key[32];
        snprintf(key, sizeof(key), "key-%u", i);
        cr_assert_eq(store_delete(fixture.worker, text(key), NULL, NULL), STORE_OK);
    }
    for (unsigned i = 0; i < 10; i++) {
        fixture_turn(&fixture, 1000);
    }
    struct store_levels levels = fixture_levels(&fixture);
    uint64_t index_growth = levels.index_size - before.index_size;
    cr_expect_leq(levels.memory_size - levels.free_size - levels.open_size, before.memory_size + index_growth,
                  "but for segments that are ready and open");
    cr_expect_leq(levels.free_size, 512 * 1024);
    cr_expect_eq(levels.retired_count, 0);
    fixture_close(&fixture);
}

Test(delete, can_leave_a_stale_item) {
    struct fixture fixture = fixture_open();
    const struct put_options set = {0};
    const struct delete_options invalidate = {.invalidate = true};
    struct put_result result;
    fixture_put(&fixture, text("key"), text("value"), 7, 500, &set, NULL);
    struct item_view before = fixture_get(&fixture, "key");
    cr_expect_eq(store_delete(fixture.worker, text("key"), &invalidate, &result), STORE_OK);
    struct item_view view = fixture_get(&fixture, "key");
    cr_expect(view.stale);
    cr_expect(view.fetched, "a read before the invalidation still counts");
    cr_expect_gt(view.cas, before.cas);
    cr_expect_eq(view.cas, result.cas);
    cr_expect_eq(view.client_flags, 7);
    cr_expect_eq(view.expires_tick, 500);
    fixture_expect(&fixture, "key", "value");
    fixture_close(&fixture);
}

Test(delete, of_a_stale_item_sets_expiry_and_cas_when_asked_to) {
    struct fixture fixture = fixture_open();
    const struct delete_options invalidate = {
        .invalidate = true, .touch = true, .touch_expires_tick = 800, .cas_new = 987654321};
    fixture_set_expiring(&fixture, "key", "value", 500);
    cr_expect_eq(store_delete(fixture.worker, text("key"), &invalidate, NULL), STORE_OK);
    struct item_view view = fixture_get(&fixture, "key");
    cr_expect_eq(view.expires_tick, 800);
    cr_expect_eq(view.cas, 987654321);
    fixture_close(&fixture);
}

Test(delete, can_drop_the_value_alone) {
    struct fixture fixture = fixture_open();
    const struct put_options set = {0};
    struct delete_options drop = {.drop_value = true, .client_flags = 3};
    fixture_put(&fixture, text("key"), text("value"), 7, 500, &set, NULL);
    uint64_t cas = fixture_get(&fixture, "key").cas;
    cr_expect_eq(store_delete(fixture.worker, text("key"), &drop, NULL), STORE_OK);
    struct item_view view = fixture_get(&fixture, "key");
    fixture_expect(&fixture, "key", "");
    cr_expect_eq(view.cas, cas, "the CAS stays");
    cr_expect_eq(view.client_flags, 3);
    cr_expect_eq(view.expires_tick, STORE_EXPIRES_NEVER);
    cr_expect_not(view.stale);
    drop.touch = true;
    drop.touch_expires_tick = 600;
    drop.invalidate = true;
    drop.client_flags = 0;
    cr_expect_eq(store_delete(fixture.worker, text("key"), &drop, NULL), STORE_OK);
    view = fixture_get(&fixture, "key");
    cr_expect_gt(view.cas, cas);
    cr_expect_eq(view.client_flags, 0);
    cr_expect_eq(view.expires_tick, 600);
    cr_expect(view.stale);
    fixture_close(&fixture);
}

Test(delete, that_keeps_the_item_misses_and_compares_too) {
    struct fixture fixture = fixture_open();
    struct delete_options options = {.invalidate = true, .compare = true, .cas_expected = 5};
    cr_expect_eq(store_delete(fixture.worker, text("key"), &options, NULL), STORE_MISS);
    fixture_set(&fixture, "key", "value");
    options.cas_expected = fixture_get(&fixture, "key").cas + 1;
    cr_expect_eq(store_delete(fixture.worker, text("key"), &options, NULL), STORE_EXISTS);
    options.invalidate = false;
    options.drop_value = true;
    cr_expect_eq(store_delete(fixture.worker, text("key"), &options, NULL), STORE_EXISTS);
    fixture_expect(&fixture, "key", "value");
    fixture_close(&fixture);
}
