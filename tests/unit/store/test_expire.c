/* SPDX-License-Identifier: MIT
 *
 * The clock, and what expires by it.
 */
#include "fixture.h"

Test(expire, begins_at_2_and_counts_seconds) {
    struct fixture fixture = fixture_open();
    cr_expect_eq(store_now_tick(fixture.worker), 2);
    fixture_turn(&fixture, 999);
    cr_expect_eq(store_now_tick(fixture.worker), 2);
    fixture_turn(&fixture, 1);
    cr_expect_eq(store_now_tick(fixture.worker), 3);
    store_offline(fixture.worker);
    store_online(fixture.worker, fixture.now_ns += 100 * CLOCK_NS_PER_S);
    cr_expect_eq(store_now_tick(fixture.worker), 103);
    fixture_close(&fixture);
}

Test(expire, never_goes_back) {
    struct fixture fixture = fixture_open();
    fixture_turn(&fixture, 5000);
    store_quiescent(fixture.worker, fixture.now_ns - 3 * CLOCK_NS_PER_S);
    cr_expect_eq(store_now_tick(fixture.worker), 7);
    fixture_close(&fixture);
}

Test(expire, can_be_advanced) {
    struct fixture fixture = fixture_open();
    fixture_set_expiring(&fixture, "key", "value", store_now_tick(fixture.worker) + 10);
    store_clock_advance(fixture.store, 9);
    cr_expect(fixture_has(&fixture, "key"));
    store_clock_advance(fixture.store, 1);
    cr_expect_not(fixture_has(&fixture, "key"));
    cr_expect_eq(store_now_tick(fixture.worker), 12);
    fixture_close(&fixture);
}

Test(expire, stands_until_it_is_restarted) {
    struct fixture fixture = fixture_open();
    store_clock_stop(fixture.store, fixture.now_ns);
    fixture_turn(&fixture, 5000);
    cr_expect_eq(store_now_tick(fixture.worker), 2);
    store_offline(fixture.worker);
    store_online(fixture.worker, fixture.now_ns += CLOCK_NS_PER_S);
    cr_expect_eq(store_now_tick(fixture.worker), 2);
    store_clock_advance(fixture.store, 100);
    cr_expect_eq(store_now_tick(fixture.worker), 102, "moved by hand all the same");
    store_clock_restart(fixture.store);
    fixture_turn(&fixture, 1000);
    cr_expect_eq(store_now_tick(fixture.worker), 109, "and the time that has passed is made up for");
    fixture_close(&fixture);
}

Test(expire, stops_for_a_worker_that_slept_at_the_same_moment) {
    struct fixture fixture = fixture_open();
    store_offline(fixture.worker);
    store_clock_stop(fixture.store, fixture.now_ns + 10 * CLOCK_NS_PER_S);
    store_online(fixture.worker, fixture.now_ns += 60 * CLOCK_NS_PER_S);
    cr_expect_eq(store_now_tick(fixture.worker), 12);
    fixture_close(&fixture);
}

Test(expire, understands_exptimes_as_clients_write_them) {
    struct fixture fixture = fixture_open();
    fixture_turn(&fixture, 50 * 1000);
    uint32_t now_tick = store_now_tick(fixture.worker);
    uint64_t unix_now_s = store_tick_unix_s(fixture.worker, now_tick);
    cr_expect_eq(store_expiry(fixture.worker, 0), STORE_EXPIRES_NEVER);
    cr_expect_eq(store_expiry(fixture.worker, -1), STORE_EXPIRED);
    cr_expect_eq(store_expiry(fixture.worker, INT64_MIN), STORE_EXPIRED);
    cr_expect_eq(store_expiry(fixture.worker, 1), now_tick + 1);
    cr_expect_eq(store_expiry(fixture.worker, STORE_TTL_RELATIVE_MAX), now_tick + STORE_TTL_RELATIVE_MAX);
    cr_expect_eq(store_expiry(fixture.worker, STORE_TTL_RELATIVE_MAX + 1), STORE_EXPIRED, "a moment in 1970");
    cr_expect_eq(store_expiry(fixture.worker, (int64_t)unix_now_s + 60), now_tick + 60);
    cr_expect_eq(store_expiry(fixture.worker, (int64_t)unix_now_s - 50), STORE_EXPIRED,
                 "the moment of creation");
    cr_expect_eq(store_expiry(fixture.worker, (int64_t)unix_now_s - 49), 3);
    cr_expect_eq(store_expiry(fixture.worker, INT64_MAX), STORE_EXPIRES_NEVER, "after the end of the clock");
    fixture_close(&fixture);
}

/* A machine without a battery: its clock says 1970 for a while, and the store is older. */
Test(expire, understands_times_of_day_where_the_store_is_older_than_the_clock) {
    struct fixture fixture = fixture_open();
    fixture_turn(&fixture, 5000 * 1000);
    uint32_t now_tick = store_now_tick(fixture.worker);
    store_clock_shift_wall(fixture.store, 30 - (int64_t)store_tick_unix_s(fixture.worker, now_tick));
    cr_expect_eq(store_clock_unix_s(fixture.store, fixture.now_ns), 30);
    cr_expect_eq(store_tick_unix_s(fixture.worker, now_tick + 60), 90);
    cr_expect_eq(store_expiry(fixture.worker, STORE_TTL_RELATIVE_MAX + 30),
                 now_tick + STORE_TTL_RELATIVE_MAX);
    cr_expect_eq(store_expiry(fixture.worker, 1796000000), now_tick + 1796000000 - 30);
    cr_expect_eq(store_expiry(fixture.worker, INT64_MAX), STORE_EXPIRES_NEVER);
    fixture_close(&fixture);
}

Test(expire, an_item_is_gone_when_the_clock_reaches_its_expiry) {
    struct fixture fixture = fixture_open();
    fixture_set_expiring(&fixture, "key", "value", store_expiry(fixture.worker, 10));
    fixture_turn(&fixture, 9999);
    cr_expect(fixture_has(&fixture, "key"));
    fixture_turn(&fixture, 1);
    cr_expect_not(fixture_has(&fixture, "key"));
    cr_expect_eq(fixture_count(&fixture, get_expired), 1);
    fixture_close(&fixture);
}

Test(expire, a_look_up_that_meets_an_expired_item_counts_it_once_and_takes_it_out) {
    struct fixture fixture = fixture_open();
    fixture_set_expiring(&fixture, "key", "value", STORE_EXPIRED);
    cr_expect_not(fixture_has(&fixture, "key"));
    cr_expect_not(fixture_has(&fixture, "key"));
    cr_expect_eq(fixture_count(&fixture, get_expired), 1);
    cr_expect_eq(fixture_count(&fixture, reclaimed), 1);
    cr_expect_eq(fixture_levels(&fixture).items_count, 0);
    fixture_close(&fixture);
}

Test(expire, says_once_why_an_item_was_not_found) {
    struct fixture fixture = fixture_open();
    fixture_set_expiring(&fixture, "expired", "value", store_expiry(fixture.worker, 10));
    fixture_set(&fixture, "flushed", "value");
    fixture_turn(&fixture, 10 * 1000);
    cr_expect_eq(store_absence_take(fixture.worker), STORE_ABSENT);
    cr_expect_not(fixture_has(&fixture, "expired"));
    cr_expect_eq(store_absence_take(fixture.worker), STORE_ABSENT_EXPIRED);
    cr_expect_eq(store_absence_take(fixture.worker), STORE_ABSENT);
    cr_expect_not(fixture_has(&fixture, "expired"));
    cr_expect_eq(store_absence_take(fixture.worker), STORE_ABSENT, "it was taken out");
    store_flush(fixture.worker, 0);
    cr_expect_not(fixture_has(&fixture, "flushed"));
    cr_expect_eq(store_absence_take(fixture.worker), STORE_ABSENT_FLUSHED);
    cr_expect_not(fixture_has(&fixture, "never"));
    cr_expect_eq(store_absence_take(fixture.worker), STORE_ABSENT);
    fixture_close(&fixture);
}
