/* SPDX-License-Identifier: MIT
 *
 * Plain look-ups, touching and pinning.
 */
#include "fixture.h"
#include "segment.h"

Test(get, finds_what_was_stored) {
    struct fixture fixture = fixture_open();
    cr_expect_eq(fixture_set(&fixture, "key", "value"), STORE_OK);
    fixture_expect(&fixture, "key", "value");
    fixture_close(&fixture);
}

Test(get, misses_what_was_not) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    cr_expect_not(fixture_has(&fixture, "kex"));
    cr_expect_not(fixture_has(&fixture, "ke"));
    cr_expect_not(fixture_has(&fixture, "keyy"));
    fixture_close(&fixture);
}

Test(get, takes_keys_of_1_to_250_bytes_with_any_content) {
    struct fixture fixture = fixture_open();
    const struct put_options set = {.mode = PUT_SET};
    char key[STORE_KEY_SIZE_MAX];
    struct item_view view;
    for (unsigned i = 0; i < sizeof(key); i++) {
        key[i] = (char)i; /* control characters, NUL and bytes above 127 */
    }
    for (size_t size = 1; size <= sizeof(key); size++) {
        cr_assert_eq(fixture_put(&fixture, bytes_of(key, size), bytes_of(key, size), 0, 0, &set, NULL),
                     STORE_OK);
    }
    for (size_t size = 1; size <= sizeof(key); size++) {
        cr_assert_eq(store_get(fixture.worker, bytes_of(key, size), &view), STORE_OK);
        cr_assert(bytes_equal(view.key, bytes_of(key, size)));
        cr_assert(bytes_equal(view.value, bytes_of(key, size)));
    }
    fixture_close(&fixture);
}

Test(get, says_of_an_item_what_was_stored_with_it) {
    struct fixture fixture = fixture_open();
    const struct put_options set = {.mode = PUT_SET};
    struct put_result result;
    struct item *item;
    fixture_put(&fixture, text("plain"), text("v"), 0, 0, &set, NULL);
    cr_assert_eq(store_item_create(fixture.worker, text("rich"), true, 0xffffffff, 500, 3, &item), STORE_OK);
    memcpy(store_item_value(item), "abc", 3);
    cr_assert_eq(store_put(fixture.worker, &item, &set, &result), STORE_OK);
    struct item_view plain = fixture_get(&fixture, "plain");
    cr_expect_eq(plain.client_flags, 0);
    cr_expect_eq(plain.expires_tick, STORE_EXPIRES_NEVER);
    cr_expect_not(plain.key_is_binary);
    struct item_view rich = fixture_get(&fixture, "rich");
    cr_expect_eq(rich.client_flags, 0xffffffff);
    cr_expect_eq(rich.expires_tick, 500);
    cr_expect(rich.key_is_binary);
    cr_expect_eq(rich.cas, result.cas);
    cr_expect_eq(result.value_size, 3);
    cr_expect_not(rich.stale || rich.won || rich.won_before);
    fixture_close(&fixture);
}

Test(get, tells_how_it_was_used_before_this_look_up) {
    struct fixture fixture = fixture_open();
    uint32_t start_tick = store_now_tick(fixture.worker);
    fixture_set(&fixture, "key", "value");
    fixture_turn(&fixture, 3000);
    struct item_view view = fixture_get(&fixture, "key");
    cr_expect_not(view.fetched);
    cr_expect_eq(view.used_tick, start_tick);
    fixture_turn(&fixture, 4000);
    view = fixture_get(&fixture, "key");
    cr_expect(view.fetched);
    cr_expect_eq(view.used_tick, start_tick + 3);
    fixture_close(&fixture);
}

Test(get, touch_sets_the_expiry_and_counts_as_a_use) {
    struct fixture fixture = fixture_open();
    uint32_t start_tick = store_now_tick(fixture.worker);
    fixture_set(&fixture, "key", "value");
    fixture_turn(&fixture, 2000);
    cr_expect_eq(store_touch(fixture.worker, text("key"), start_tick + 10), STORE_OK);
    struct item_view view = fixture_get(&fixture, "key");
    cr_expect_eq(view.expires_tick, start_tick + 10);
    cr_expect(view.fetched);
    cr_expect_eq(view.used_tick, start_tick + 2);
    cr_expect_eq(store_touch(fixture.worker, text("other"), 9), STORE_MISS);
    fixture_close(&fixture);
}

Test(get, touch_does_not_wake_the_dead) {
    struct fixture fixture = fixture_open();
    fixture_set_expiring(&fixture, "key", "value", store_now_tick(fixture.worker) + 1);
    fixture_turn(&fixture, 1000);
    cr_expect_eq(store_touch(fixture.worker, text("key"), STORE_EXPIRES_NEVER), STORE_MISS);
    cr_expect_not(fixture_has(&fixture, "key"));
    fixture_close(&fixture);
}

Test(get, a_touch_with_a_past_moment_ends_the_item) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    cr_expect_eq(store_touch(fixture.worker, text("key"), STORE_EXPIRED), STORE_OK);
    cr_expect_not(fixture_has(&fixture, "key"));
    fixture_close(&fixture);
}

Test(get, a_view_lasts_until_the_turn_ends) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    struct item_view view = fixture_get(&fixture, "key");
    store_touch(fixture.worker, text("key"), STORE_EXPIRED);
    cr_expect_not(fixture_has(&fixture, "key")); /* taken out by this look-up */
    cr_expect(bytes_equal_string(view.value, "value"));
    fixture_close(&fixture);
}

/*
 * --- pins
 * ----------------------------------------------------------------------------------------------------
 */

static void pass_turns(struct fixture *fixture) {
    for (unsigned i = 0; i < 10; i++) {
        fixture_turn(fixture, 1);
    }
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

static void expect_pinned_value_survives(void (*end)(struct fixture *fixture)) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "a value that is being sent");
    struct item_view view = fixture_get(&fixture, "key");
    store_pin(&view);
    end(&fixture);
    pass_turns(&fixture);
    segment_close_all(fixture.worker);
    fill_all(&fixture);
    cr_expect(bytes_equal_string(view.value, "a value that is being sent"));
    store_unpin(view.pin);
    pass_turns(&fixture);
    cr_expect_eq(atomic_load(&fixture.store->arena.pinned_size), 0);
    fixture_close(&fixture);
}

static void end_by_overwriting(struct fixture *fixture) {
    cr_assert_eq(fixture_set(fixture, "key", "other"), STORE_OK);
}

static void end_by_deleting(struct fixture *fixture) {
    cr_assert_eq(store_delete(fixture->worker, text("key"), NULL, NULL), STORE_OK);
}

static void end_by_appending(struct fixture *fixture) {
    cr_assert_eq(fixture_store(fixture, PUT_APPEND, "key", " and more"), STORE_OK);
}

static void end_by_flushing(struct fixture *fixture) {
    store_flush(fixture->worker, 0);
    cr_assert_not(fixture_has(fixture, "key"));
}

Test(get, a_pinned_value_survives_overwriting) {
    expect_pinned_value_survives(end_by_overwriting);
}

Test(get, a_pinned_value_survives_deletion) {
    expect_pinned_value_survives(end_by_deleting);
}

Test(get, a_pinned_value_survives_append) {
    expect_pinned_value_survives(end_by_appending);
}

Test(get, a_pinned_value_survives_a_flush) {
    expect_pinned_value_survives(end_by_flushing);
}

Test(get, pins_are_counted) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    struct item_view view = fixture_get(&fixture, "key");
    store_pin(&view);
    store_pin(&view);
    segment_close_all(fixture.worker);
    end_by_deleting(&fixture);
    store_unpin(view.pin);
    pass_turns(&fixture);
    cr_expect(bytes_equal_string(view.value, "value"));
    cr_expect_neq(atomic_load(&fixture.store->arena.pinned_size), 0);
    store_unpin(view.pin);
    pass_turns(&fixture);
    cr_expect_eq(atomic_load(&fixture.store->arena.pinned_size), 0);
    cr_expect_eq(fixture_levels(&fixture).retired_count, 0);
    fixture_close(&fixture);
}

Test(get, pins_are_refused_when_segments_with_pins_take_an_eighth) {
    struct fixture fixture = fixture_open();
    struct item_view views[4096];
    unsigned pinned_count = 0, refused_count = 0;
    for (uint64_t number = 0; number < 4096; number++) {
        cr_assert_eq(fixture_set_number(&fixture, number, 3000), STORE_OK);
        cr_assert_eq(fixture_get_number(&fixture, number, &views[pinned_count]), STORE_OK);
        if (store_pin(&views[pinned_count])) {
            pinned_count++;
        } else {
            refused_count++;
        }
        fixture_turn(&fixture, 1);
    }
    cr_expect_gt(refused_count, 2048);
    cr_expect_leq(atomic_load(&fixture.store->arena.pins_size), 16 * FIXTURE_MIB / 8);
    for (unsigned i = 0; i < pinned_count; i++) {
        store_unpin(views[i].pin);
    }
    cr_expect_eq(atomic_load(&fixture.store->arena.pins_size), 0);
    fixture_close(&fixture);
}
