/* SPDX-License-Identifier: MIT
 *
 * Looking up with options.
 */
#include "fixture.h"

static struct item_view fetch(struct fixture *fixture, struct get_options options) {
    struct item_view view = {0};
    cr_assert_eq(store_get_with(fixture->worker, text("key"), &options, &view), STORE_OK);
    return view;
}

static void invalidate(struct fixture *fixture) {
    const struct delete_options options = {.invalidate = true};
    cr_assert_eq(store_delete(fixture->worker, text("key"), &options, NULL), STORE_OK);
}

Test(get_with, without_options_is_a_plain_look_up) {
    struct fixture fixture = fixture_open();
    const struct get_options none = {0};
    struct item_view view;
    cr_expect_eq(store_get_with(fixture.worker, text("key"), &none, &view), STORE_MISS);
    fixture_set(&fixture, "key", "value");
    cr_expect(bytes_equal_string(fetch(&fixture, none).value, "value"));
    cr_expect(fetch(&fixture, none).fetched);
    fixture_close(&fixture);
}

Test(get_with, touches_and_tells_the_old_expiry) {
    struct fixture fixture = fixture_open();
    fixture_set_expiring(&fixture, "key", "value", 500);
    const struct get_options touch = {.touch = true, .touch_expires_tick = 900};
    cr_expect_eq(fetch(&fixture, touch).expires_tick, 500);
    cr_expect_eq(fixture_get(&fixture, "key").expires_tick, 900);
    fixture_close(&fixture);
}

Test(get_with, can_leave_no_trace_of_use) {
    struct fixture fixture = fixture_open();
    uint32_t start_tick = store_now_tick(fixture.worker);
    fixture_set(&fixture, "key", "value");
    fixture_turn(&fixture, 5000);
    const struct get_options no_use = {.no_use = true};
    fetch(&fixture, no_use);
    struct item_view view = fetch(&fixture, no_use);
    cr_expect_not(view.fetched);
    cr_expect_eq(view.used_tick, start_tick);
    fixture_close(&fixture);
}

Test(get_with, creates_an_empty_value_and_wins) {
    struct fixture fixture = fixture_open();
    const struct get_options create = {
        .create = true, .create_expires_tick = 600, .key_is_binary = true, .create_cas = 4242, .meta = true};
    struct item_view view = fetch(&fixture, create);
    cr_expect(view.won);
    cr_expect_not(view.won_before);
    cr_expect_eq(view.value.size, 0);
    cr_expect_eq(view.expires_tick, 600);
    cr_expect_eq(view.cas, 4242);
    cr_expect(view.key_is_binary);
    view = fetch(&fixture, create);
    cr_expect_not(view.won, "only the first wins");
    cr_expect(view.won_before);
    cr_expect_eq(fixture_levels(&fixture).items_count, 1);
    fixture_close(&fixture);
}

Test(get_with, does_not_create_over_a_live_item) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    struct item_view view = fetch(&fixture, (struct get_options){.create = true, .create_expires_tick = 600});
    cr_expect(bytes_equal_string(view.value, "value"));
    cr_expect_not(view.won);
    fixture_close(&fixture);
}

Test(get_with, creates_over_an_expired_one) {
    struct fixture fixture = fixture_open();
    fixture_set_expiring(&fixture, "key", "value", STORE_EXPIRED);
    struct item_view view = fetch(&fixture, (struct get_options){.create = true, .create_expires_tick = 600});
    cr_expect(view.won);
    cr_expect_eq(view.value.size, 0);
    fixture_close(&fixture);
}

Test(get_with, wins_once_when_little_time_is_left) {
    struct fixture fixture = fixture_open();
    uint32_t now_tick = store_now_tick(fixture.worker);
    fixture_set_expiring(&fixture, "key", "value", now_tick + 30);
    cr_expect_not(
        fetch(&fixture, (struct get_options){.recache = true, .recache_before_tick = now_tick + 30}).won,
        "its end is not before its end");
    cr_expect(
        fetch(&fixture, (struct get_options){.recache = true, .recache_before_tick = now_tick + 31}).won);
    struct item_view view =
        fetch(&fixture, (struct get_options){.recache = true, .recache_before_tick = now_tick + 31});
    cr_expect_not(view.won);
    cr_expect(view.won_before);
    fixture_close(&fixture);
}

static bool wins_with_touch(struct fixture *fixture, uint32_t expires_tick, bool recache_touched) {
    fixture_set_expiring(fixture, "key", "value", store_now_tick(fixture->worker) + 100);
    const struct get_options options = {.touch = true,
                                        .touch_expires_tick = expires_tick,
                                        .recache = true,
                                        .recache_before_tick = store_now_tick(fixture->worker) + 30,
                                        .recache_touched = recache_touched};
    return fetch(fixture, options).won;
}

Test(get_with, counts_the_time_left_before_or_after_the_touch_as_asked) {
    struct fixture fixture = fixture_open();
    uint32_t now_tick = store_now_tick(fixture.worker);
    cr_expect(wins_with_touch(&fixture, now_tick + 10, true));
    cr_expect_not(wins_with_touch(&fixture, now_tick + 10, false));
    cr_expect_not(wins_with_touch(&fixture, now_tick + 200, true));
    cr_expect_not(wins_with_touch(&fixture, STORE_EXPIRES_NEVER, true));
    cr_expect(wins_with_touch(&fixture, STORE_EXPIRED, true), "no time is left");
    fixture_close(&fixture);
}

Test(get_with, never_wins_an_item_without_an_end_for_its_age) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    cr_expect_not(
        fetch(&fixture, (struct get_options){.recache = true, .recache_before_tick = UINT32_MAX}).won);
    fixture_close(&fixture);
}

Test(get_with, first_look_up_of_a_stale_item_wins) {
    struct fixture fixture = fixture_open();
    const struct get_options meta = {.meta = true};
    fixture_set(&fixture, "key", "value");
    invalidate(&fixture);
    cr_expect_not(fixture_get(&fixture, "key").won, "a plain look-up does not take part");
    struct item_view view = fetch(&fixture, meta);
    cr_expect(view.stale && view.won && !view.won_before);
    view = fetch(&fixture, meta);
    cr_expect(view.stale && !view.won && view.won_before);
    invalidate(&fixture);
    view = fetch(&fixture, meta);
    cr_expect(view.stale && view.won, "invalidating again lets the next one win again");
    fixture_set(&fixture, "key", "new");
    view = fetch(&fixture, meta);
    cr_expect(!view.stale && !view.won && !view.won_before, "an ordinary store clears both marks");
    fixture_close(&fixture);
}

Test(get_with, a_stale_store_keeps_the_winner) {
    struct fixture fixture = fixture_open();
    const struct get_options meta = {.meta = true};
    fixture_set(&fixture, "key", "value");
    uint64_t old_cas = fixture_get(&fixture, "key").cas;
    invalidate(&fixture);
    cr_assert(fetch(&fixture, meta).won);
    const struct put_options stale = {.compare = true, .invalidate = true, .cas_expected = old_cas};
    cr_expect_eq(fixture_put(&fixture, text("key"), text("other"), 0, 0, &stale, NULL), STORE_OK);
    struct item_view view = fetch(&fixture, meta);
    cr_expect(view.stale && view.won_before && !view.won);
    fixture_close(&fixture);
}
