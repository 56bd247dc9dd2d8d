/* SPDX-License-Identifier: MIT
 *
 * Eviction: who goes, who stays, and what it is counted as.
 */
#include "fixture.h"
#include "segment.h"

static struct store_config small_config(void) {
    struct store_config config = fixture_config();
    config.memory_size_max = 2 * FIXTURE_MIB;
    return config;
}

/* Stores numbers from `first` on, a turn every 50, until `size` bytes have been charged. */
static uint64_t fill(struct fixture *fixture, uint64_t first, size_t size, size_t value_size) {
    uint64_t number = first;
    for (size_t filled = 0; filled < size; number++) {
        cr_assert_eq(fixture_set_number(fixture, number, value_size), STORE_OK);
        filled += store_item_charge(10, value_size, false);
        if (number % 50 == 0) {
            fixture_turn(fixture, 1);
        }
    }
    return number;
}

static unsigned count_present(struct fixture *fixture, uint64_t first, uint64_t end) {
    unsigned count = 0;
    struct item_view view;
    for (uint64_t number = first; number < end; number++) {
        count += fixture_get_number(fixture, number, &view) == STORE_OK;
    }
    return count;
}

Test(evict, nothing_while_there_is_room) {
    struct fixture fixture = fixture_open_with(small_config());
    uint64_t end = fill(&fixture, 0, FIXTURE_MIB, 100);
    cr_expect_eq(count_present(&fixture, 0, end), end);
    cr_expect_eq(fixture_count(&fixture, evictions), 0);
    fixture_close(&fixture);
}

Test(evict, makes_room_for_what_is_new_and_stays_within_the_limit) {
    struct fixture fixture = fixture_open_with(small_config());
    uint64_t end = fill(&fixture, 0, 20 * FIXTURE_MIB, 100);
    struct store_levels levels = fixture_levels(&fixture);
    cr_expect_eq(counter_read(&levels.sums.no_memory), 0);
    cr_expect_eq(counter_read(&levels.sums.evictions), end - levels.items_count);
    cr_expect_eq(counter_read(&levels.sums.evicted_unfetched), counter_read(&levels.sums.evictions));
    cr_expect_gt(levels.memory_size, levels.memory_size_max * 9 / 10, "most of the memory is in use");
    fixture_close(&fixture);
}

Test(evict, spares_a_hot_set_during_a_scan_of_new_items) {
    enum { HOT = 500 };
    struct fixture fixture = fixture_open_with(small_config());
    struct item_view view;
    unsigned lost_count = 0;
    for (unsigned i = 0; i < HOT; i++) {
        fixture_set_number(&fixture, i, 100);
    }
    /*
     * Sixty times as many items pass through as the store holds; each hot one is read about once a turnover
     * of a quarter.
     */
    for (uint64_t scan = 1000; scan < 600000; scan++) {
        cr_assert_eq(fixture_set_number(&fixture, scan, 100), STORE_OK);
        if (scan % 8 == 0 && fixture_get_number(&fixture, scan / 8 % HOT, &view) != STORE_OK) {
            lost_count++;
            fixture_set_number(&fixture, scan / 8 % HOT, 100);
        }
        if (scan % 50 == 0) {
            fixture_turn(&fixture, 1);
        }
    }
    cr_expect_leq(lost_count, HOT / 10, "%u of %u lost in 150 rounds", lost_count, HOT);
    fixture_close(&fixture);
}

Test(evict, lets_what_was_never_read_go_before_what_was) {
    struct fixture fixture = fixture_open_with(small_config());
    uint64_t count = fill(&fixture, 0, FIXTURE_MIB, 100);
    cr_assert_eq(count_present(&fixture, 0, count / 2), count / 2);
    fill(&fixture, 1000000, 3 * FIXTURE_MIB / 2, 100);
    unsigned read_present = count_present(&fixture, 0, count / 2);
    unsigned unread_present = count_present(&fixture, count / 2, count);
    cr_expect_gt(read_present, count / 2 * 9 / 10, "%u of those that were read are left", read_present);
    cr_expect_lt(unread_present, count / 2 * 6 / 10, "%u of the others", unread_present);
    fixture_close(&fixture);
}

Test(evict, what_comes_back_soon_is_stored_in_main) {
    struct fixture fixture = fixture_open_with(small_config());
    fill(&fixture, 0, 3 * FIXTURE_MIB, 100);
    cr_assert_eq(count_present(&fixture, 9000, 9500), 0, "they have been pushed out");
    for (uint64_t number = 9000; number < 9500; number++) {
        fixture_set_number(&fixture, number, 100);
    }
    uint64_t main_size = fixture_levels(&fixture).main_size;
    segment_close_all(fixture.worker);
    cr_expect_gt(fixture_levels(&fixture).main_size, main_size);
    fixture_close(&fixture);
}

/* Of an item that is read so often that it stays, after others have gone through the memory several times. */
static uint64_t number_after_copies(struct fixture *fixture, const char *key) {
    struct item_view view;
    for (uint64_t number = 0; number < 50000; number++) {
        cr_assert_eq(fixture_set_number(fixture, number, 100), STORE_OK);
        cr_assert_eq(store_get(fixture->worker, text(key), &view), STORE_OK, "%s has gone", key);
        if (number % 50 == 0) {
            fixture_turn(fixture, 1);
        }
    }
    cr_assert_gt(fixture_levels(fixture).moved_size, 0);
    return view.cas;
}

Test(evict, a_copy_keeps_a_number_that_a_client_was_told) {
    static const struct get_options showing = {.shows_number = true};
    struct fixture fixture = fixture_open_with(small_config());
    struct item_view view;
    cr_assert_eq(fixture_set_at_once(&fixture, text("told"), text("v"), 0, STORE_EXPIRES_NEVER), STORE_OK);
    cr_assert_eq(store_get_with(fixture.worker, text("told"), &showing, &view), STORE_OK);
    cr_expect_eq(number_after_copies(&fixture, "told"), view.cas);
    cr_assert_eq(store_touch(fixture.worker, text("told"), store_expiry(fixture.worker, 10000)), STORE_OK);
    cr_expect_eq(number_after_copies(&fixture, "told"), view.cas,
                 "what a touch makes of it is the same item");
    fixture_close(&fixture);
}

Test(evict, a_copy_keeps_the_number_of_the_answer_to_a_store) {
    static const struct number_options one = {.delta = 1};
    struct fixture fixture = fixture_open_with(small_config());
    struct number_result result;
    cr_assert_eq(fixture_set_at_once(&fixture, text("told"), text("1"), 0, STORE_EXPIRES_NEVER), STORE_OK);
    cr_assert_eq(store_add_number(fixture.worker, text("told"), &one, &result), STORE_OK);
    cr_expect_eq(number_after_copies(&fixture, "told"), result.cas);
    fixture_close(&fixture);
}

Test(evict, a_copy_whose_number_nobody_knows_takes_a_higher_one_and_no_room_for_it) {
    struct fixture fixture = fixture_open_with(small_config());
    cr_assert_eq(fixture_set_at_once(&fixture, text("untold"), text("v"), 0, STORE_EXPIRES_NEVER), STORE_OK);
    uint64_t cas = fixture_get(&fixture, "untold").cas;
    cr_expect_gt(number_after_copies(&fixture, "untold"), cas);
    struct item_view view = fixture_get(&fixture, "untold");
    cr_expect_eq(view.value.data - view.key.data, 6);
    const struct item *item = (const struct item *)(const void *)(view.key.data - ITEM_HEADER_SIZE);
    cr_expect_eq(item_size(item), ITEM_HEADER_SIZE + 6 + 1 + ITEM_LINE_END_SIZE);
    fixture_close(&fixture);
}

Test(evict, copies_what_lives_rather_than_push_out_while_much_is_dead) {
    struct fixture fixture = fixture_open_with(small_config());
    uint64_t count = fill(&fixture, 0, FIXTURE_MIB, 100);
    struct random random = fixture_random();
    /* Overwriting goes through the memory a hundred times, and there is room for all. */
    for (unsigned i = 0; i < 1000000; i++) {
        cr_assert_eq(fixture_set_number(&fixture, random_below(&random, count), 100), STORE_OK);
        if (i % 50 == 0) {
            fixture_turn(&fixture, 1);
        }
    }
    cr_expect_eq(count_present(&fixture, 0, count), count);
    cr_expect_eq(fixture_count(&fixture, evictions), 0);
    fixture_close(&fixture);
}

Test(evict, overwriting_one_counter_pushes_nothing_out) {
    struct fixture fixture = fixture_open_with(small_config());
    uint64_t count = fill(&fixture, 0, FIXTURE_MIB * 3 / 2, 100);
    cr_assert_eq(fixture_count(&fixture, evictions), 0);
    for (unsigned i = 0; i < 1000000; i++) {
        cr_assert_eq(fixture_set(&fixture, "counter", "0123456789"), STORE_OK);
        if (i % 100 == 0) {
            fixture_turn(&fixture, 1);
        }
    }
    cr_expect_eq(count_present(&fixture, 0, count), count);
    cr_expect_eq(fixture_count(&fixture, evictions), 0);
    fixture_close(&fixture);
}

Test(evict, takes_dead_items_before_live_ones) {
    struct fixture fixture = fixture_open_with(small_config());
    const struct put_options set = {0};
    fill(&fixture, 0, FIXTURE_MIB / 2, 100);
    for (unsigned i = 0; i < 10000; i++) {
        char key[32];
        int key_size = snprintf(key, sizeof(key), "dead-%u", i);
        fixture_put(&fixture, bytes_of(key, (size_t)key_size), text("short life"), 0, STORE_EXPIRED, &set,
                    NULL);
    }
    fill(&fixture, 100000, FIXTURE_MIB * 9 / 10, 100);
    uint64_t evictions = fixture_count(&fixture, evictions);
    uint64_t reclaimed = fixture_count(&fixture, reclaimed);
    cr_expect_lt(evictions, reclaimed / 5, "%" PRIu64 " live and %" PRIu64 " dead items went", evictions,
                 reclaimed);
    cr_expect_gt(reclaimed, 2500);
    fixture_close(&fixture);
}

Test(evict, leaves_pinned_items_alone) {
    struct fixture fixture = fixture_open_with(small_config());
    struct item_view views[20];
    for (unsigned i = 0; i < 20; i++) {
        fixture_set_number(&fixture, i, 100);
        cr_assert_eq(fixture_get_number(&fixture, i, &views[i]), STORE_OK);
        store_pin(&views[i]);
    }
    fixture_turn(&fixture, 60 * 1000);
    fill(&fixture, 1000, 10 * FIXTURE_MIB, 100);
    cr_expect_eq(count_present(&fixture, 0, 20), 20);
    for (unsigned i = 0; i < 20; i++) {
        store_unpin(views[i].pin);
    }
    fixture_close(&fixture);
}

Test(evict, makes_room_for_a_large_value_among_small_ones) {
    struct store_config config = small_config();
    config.item_size_max = FIXTURE_MIB;
    struct fixture fixture = fixture_open_with(config);
    fill(&fixture, 0, 3 * FIXTURE_MIB, 100);
    for (unsigned i = 0; i < 10; i++) {
        cr_expect_eq(fixture_set_number(&fixture, 1000000 + i, FIXTURE_MIB - 1024), STORE_OK);
        fixture_turn(&fixture, 1);
    }
    cr_expect_eq(count_present(&fixture, 1000009, 1000010), 1);
    cr_expect_eq(fixture_count(&fixture, no_memory), 0);
    fixture_close(&fixture);
}

Test(evict, makes_room_for_small_values_among_large_ones) {
    struct fixture fixture = fixture_open_with(small_config());
    fill(&fixture, 0, 10 * FIXTURE_MIB, 100000);
    fixture_turn(&fixture, 5000);
    uint64_t end = fill(&fixture, 1000, FIXTURE_MIB, 100);
    unsigned present = count_present(&fixture, 1000, end);
    cr_expect_gt(present, (end - 1000) * 9 / 10, "%u of %u", present, (unsigned)(end - 1000));
    cr_expect_eq(fixture_count(&fixture, no_memory), 0);
    fixture_close(&fixture);
}

Test(evict, counts_active_items_apart) {
    struct fixture fixture = fixture_open_with(small_config());
    struct item_view view;
    for (uint64_t number = 0; number < 60000; number++) {
        fixture_set_number(&fixture, number, 100);
        fixture_get_number(&fixture, number, &view);
        if (number % 50 == 0) {
            fixture_turn(&fixture, 1);
        }
    }
    struct store_levels levels = fixture_levels(&fixture);
    cr_expect_eq(counter_read(&levels.sums.evicted_unfetched), 0);
    cr_expect_eq(counter_read(&levels.sums.evicted_active), counter_read(&levels.sums.evictions));
    fixture_close(&fixture);
}

Test(evict, goes_on_within_one_long_turn) {
    struct fixture fixture = fixture_open_with(small_config());
    for (uint64_t number = 0; number < 100000; number++) {
        cr_assert_eq(fixture_set_number(&fixture, number, 100), STORE_OK);
    }
    fixture_levels(&fixture);
    fixture_close(&fixture);
}

/* What the store tells of evictions. */
struct told {
    uint64_t count;
    uint64_t value_size;
    uint32_t expires_tick;
    bool fetched;
};

static void tell(void *user, const struct item_view *view) {
    struct told *told = user;
    told->count++;
    told->value_size = view->value.size;
    told->expires_tick = view->expires_tick;
    told->fetched = view->fetched;
    cr_assert(view->key.size > 0 && view->value.data[0] == view->value.data[view->value.size - 1]);
}

Test(evict, tells_of_every_item_that_goes_and_of_no_other) {
    struct fixture fixture = fixture_open_with(small_config());
    struct told told = {.count = 0};
    store_worker_on_evict(fixture.worker, tell, &told);
    fixture_set_expiring(&fixture, "dead", "xx", STORE_EXPIRED);
    fill(&fixture, 0, 4 * FIXTURE_MIB, 1000);
    cr_expect_gt(told.count, 0);
    cr_expect_eq(told.count, fixture_count(&fixture, evictions));
    cr_expect_eq(told.value_size, 1000);
    cr_expect_eq(told.expires_tick, STORE_EXPIRES_NEVER);
    cr_expect_not(told.fetched);
    store_worker_on_evict(fixture.worker, NULL, NULL);
    uint64_t count = told.count;
    fill(&fixture, 100000, 4 * FIXTURE_MIB, 1000);
    cr_expect_eq(told.count, count, "nobody is told any more");
    fixture_close(&fixture);
}

/* Two workers, of which the second stands still: what the first one empties does not come free. Returns the second. */
static struct store_worker *open_with_one_that_stands_still(struct fixture *fixture, unsigned turn_wait_us) {
    struct store_config config = small_config();
    config.turn_wait_us = turn_wait_us;
    *fixture = fixture_open_with(config);
    struct store_worker *still = store_worker_join(fixture->store, fixture->now_ns);
    cr_assert_not_null(still);
    return still;
}

Test(evict, waits_for_another_worker_no_longer_than_a_turn_may) {
    struct fixture fixture;
    struct store_worker *still = open_with_one_that_stands_still(&fixture, 1000);
    uint64_t number = 0, began_ns;
    do {
        cr_assert_lt(number, 100000, "there is always room");
        fixture_turn(&fixture, 1);
        began_ns = clock_monotonic_ns();
    } while (fixture_set_number(&fixture, number++, 1000) == STORE_OK);
    cr_expect_lt(clock_monotonic_ns() - began_ns, CLOCK_NS_PER_S, "before, it waited 2 s");
    cr_expect(store_deferred(fixture.worker));
    cr_expect_eq(fixture_count(&fixture, no_memory), 0, "nothing was refused");
    cr_expect_eq(fixture_set_number(&fixture, number, 1000), STORE_NO_MEMORY);
    fixture_turn(&fixture, 1);
    cr_expect_eq(fixture_count(&fixture, no_memory), 1, "nobody said that it comes again");
    cr_expect_not(store_deferred(fixture.worker));
    for (int i = 0; i < 4; i++) { /* the other one goes on */
        store_quiescent(still, fixture.now_ns);
        fixture_turn(&fixture, 1);
    }
    cr_expect_eq(fixture_set_number(&fixture, number, 1000), STORE_OK);
    store_worker_leave(still);
    fixture_close(&fixture);
}

Test(evict, where_no_room_comes_there_is_nothing_to_wait_for) {
    struct store_config config = small_config();
    config.evict = false;
    config.turn_wait_us = 1000;
    struct fixture fixture = fixture_open_with(config);
    for (uint64_t number = 0; fixture_set_number(&fixture, number, 1000) == STORE_OK; number++) {
        fixture_turn(&fixture, 1);
    }
    cr_expect_not(store_deferred(fixture.worker));
    cr_expect_eq(fixture_count(&fixture, no_memory), 1);
    fixture_close(&fixture);
}

Test(evict, goes_on_behind_any_number_of_segments_that_replies_send_from) {
    enum { PINS = 200 }; /* segments at the end of the queue, below what may be pinned of this store */
    struct store_config config = fixture_config();
    config.memory_size_max = 32 * FIXTURE_MIB;
    config.workers_max = 64; /* many, so that segments are small */
    struct fixture fixture = fixture_open_with(config);
    void *pins[PINS];
    unsigned count = 0;
    fill(&fixture, 0, 16 * FIXTURE_MIB, 100);
    for (uint64_t number = 0; count < PINS; number++) {
        struct item_view view;
        cr_assert_eq(fixture_get_number(&fixture, number, &view), STORE_OK);
        if (count == 0 || view.pin != pins[count - 1]) {
            cr_assert(store_pin(&view));
            pins[count++] = view.pin;
        }
    }
    fill(&fixture, 1000000, 40 * FIXTURE_MIB, 100);
    cr_expect_eq(fixture_count(&fixture, no_memory), 0);
    for (unsigned i = 0; i < PINS; i++) {
        store_unpin(pins[i]);
    }
    fixture_close(&fixture);
}
