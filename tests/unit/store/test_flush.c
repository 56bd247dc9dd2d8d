/* SPDX-License-Identifier: MIT
 *
 * Flushing everything, and by prefix: what was stored before is gone, what is stored after lives, and the prefix is forgotten.
 */
#include "fixture.h"

/* --- everything --- */

Test(flush, ends_what_was_stored_before_and_nothing_stored_after) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "before", "value");
    store_flush(fixture.worker, 0);
    fixture_set(&fixture, "after", "value");
    cr_expect_not(fixture_has(&fixture, "before"));
    cr_expect(fixture_has(&fixture, "after"));
    cr_expect_eq(fixture_count(&fixture, get_flushed), 1);
    cr_expect_eq(fixture_count(&fixture, get_expired), 0);
    fixture_close(&fixture);
}

Test(flush, counts_for_an_item_that_has_expired_too) {
    struct fixture fixture = fixture_open();
    fixture_set_expiring(&fixture, "met", "value", STORE_EXPIRED);
    fixture_set_expiring(&fixture, "replaced", "value", STORE_EXPIRED);
    store_flush(fixture.worker, 0);
    fixture_set_expiring(&fixture, "later", "value", STORE_EXPIRED);
    cr_expect_not(fixture_has(&fixture, "met"));
    fixture_set(&fixture, "replaced", "value");
    cr_expect_not(fixture_has(&fixture, "later"));
    cr_expect_eq(fixture_count(&fixture, get_flushed), 2);
    cr_expect_eq(fixture_count(&fixture, get_expired), 1);
    fixture_close(&fixture);
}

Test(flush, a_delayed_flush_ends_everything_stored_until_it_falls_due) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "before", "value");
    store_flush(fixture.worker, store_expiry(fixture.worker, 10));
    fixture_set(&fixture, "meanwhile", "value");
    fixture_turn(&fixture, 9999);
    cr_expect(fixture_has(&fixture, "before"));
    cr_expect(fixture_has(&fixture, "meanwhile"));
    fixture_turn(&fixture, 1);
    fixture_set(&fixture, "after", "value");
    cr_expect_not(fixture_has(&fixture, "before"));
    cr_expect_not(fixture_has(&fixture, "meanwhile"));
    cr_expect(fixture_has(&fixture, "after"));
    fixture_turn(&fixture, 100000);
    cr_expect(fixture_has(&fixture, "after"), "it is carried out once");
    fixture_close(&fixture);
}

Test(flush, a_newer_one_replaces_a_waiting_one) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    store_flush(fixture.worker, store_expiry(fixture.worker, 10));
    store_flush(fixture.worker, store_expiry(fixture.worker, 20));
    fixture_turn(&fixture, 15000);
    cr_expect(fixture_has(&fixture, "key"));
    fixture_turn(&fixture, 5000);
    cr_expect_not(fixture_has(&fixture, "key"));
    fixture_close(&fixture);
}

Test(flush, an_immediate_one_replaces_a_waiting_one) {
    struct fixture fixture = fixture_open();
    store_flush(fixture.worker, store_expiry(fixture.worker, 10));
    store_flush(fixture.worker, 0);
    fixture_set(&fixture, "key", "value");
    fixture_turn(&fixture, 20000);
    cr_expect(fixture_has(&fixture, "key"));
    fixture_close(&fixture);
}

Test(flush, one_for_a_moment_that_has_come_is_immediate) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    store_flush(fixture.worker, STORE_EXPIRED);
    cr_expect_not(fixture_has(&fixture, "key"));
    fixture_set(&fixture, "key", "value");
    store_flush(fixture.worker, store_now_tick(fixture.worker));
    cr_expect_not(fixture_has(&fixture, "key"));
    fixture_close(&fixture);
}

Test(flush, a_delayed_flush_falls_due_for_a_worker_that_slept) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    store_flush(fixture.worker, store_expiry(fixture.worker, 10));
    store_offline(fixture.worker);
    store_online(fixture.worker, fixture.now_ns += 60 * CLOCK_NS_PER_S);
    cr_expect_not(fixture_has(&fixture, "key"));
    fixture_close(&fixture);
}

/* --- what is under a prefix --- */

static enum store_flush_outcome flush(struct fixture *fixture, const char *prefix) {
    return store_flush_prefix(fixture->worker, text(prefix));
}

static uint64_t remembered(struct fixture *fixture) {
    return fixture_levels(fixture).flushed_prefixes;
}

/* Turns until no prefix is remembered; how many. */
static unsigned turns_until_forgotten(struct fixture *fixture) {
    unsigned turns = 0;
    for (; remembered(fixture) != 0; turns++) {
        cr_assert_lt(turns, 100000u, "the prefix is never forgotten");
        cr_assert_neq(fixture_turn(fixture, 1), 0u, "nobody asks for another turn");
    }
    return turns;
}

Test(flush_prefix, takes_what_is_under_it_and_nothing_else) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "user:42:name", "a");
    fixture_set(&fixture, "user:42:", "b");
    fixture_set(&fixture, "user:43:name", "c");
    fixture_set(&fixture, "user:42", "d");
    cr_expect_eq(flush(&fixture, "user:42:"), STORE_FLUSHED);
    cr_expect_not(fixture_has(&fixture, "user:42:name"));
    cr_expect_not(fixture_has(&fixture, "user:42:"));
    fixture_expect(&fixture, "user:43:name", "c");
    fixture_expect(&fixture, "user:42", "d");
    cr_expect_eq(fixture_count(&fixture, get_flushed), 2);
    cr_expect_eq(fixture_count(&fixture, prefix_flushes), 1);
    fixture_close(&fixture);
}

Test(flush_prefix, what_is_stored_after_it_lives) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "user:42:name", "before");
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_eq(flush(&fixture, "user:42:"), STORE_FLUSHED);
        cr_assert_not(fixture_has(&fixture, "user:42:name"));
        cr_assert_eq(fixture_store(&fixture, PUT_ADD, "user:42:name", "after"), STORE_OK);
        fixture_expect(&fixture, "user:42:name", "after");
        cr_assert_eq(fixture_set(&fixture, "user:42:name", "again"), STORE_OK);
        fixture_expect(&fixture, "user:42:name", "again");
        fixture_turn(&fixture, i % 3);
    }
    turns_until_forgotten(&fixture);
    fixture_expect(&fixture, "user:42:name", "again");
    fixture_close(&fixture);
}

Test(flush_prefix, what_other_commands_make_after_it_lives) {
    struct fixture fixture = fixture_open();
    const struct number_options number = {.delta = 1, .create = true, .initial = 5};
    const struct get_options create = {.create = true};
    struct number_result result;
    struct item_view view;
    fixture_set(&fixture, "p:number", "1");
    fixture_set(&fixture, "p:joined", "1");
    flush(&fixture, "p:");
    cr_expect_eq(fixture_store(&fixture, PUT_APPEND, "p:joined", "2"), STORE_NOT_STORED);
    cr_expect_eq(fixture_store(&fixture, PUT_REPLACE, "p:joined", "2"), STORE_NOT_STORED);
    cr_expect_eq(store_touch(fixture.worker, text("p:joined"), 100), STORE_MISS);
    cr_expect_eq(store_delete(fixture.worker, text("p:joined"), NULL, NULL), STORE_MISS);
    cr_expect_eq(store_add_number(fixture.worker, text("p:number"), &number, &result), STORE_OK);
    cr_expect_eq(result.number, 5);
    cr_expect_eq(store_add_number(fixture.worker, text("p:number"), &number, &result), STORE_OK);
    cr_expect_eq(result.number, 6);
    cr_expect_eq(store_get_with(fixture.worker, text("p:made"), &create, &view), STORE_OK);
    cr_expect(view.won);
    cr_expect(fixture_has(&fixture, "p:made"));
    fixture_set(&fixture, "p:joined", "1");
    cr_expect_eq(fixture_store(&fixture, PUT_APPEND, "p:joined", "2"), STORE_OK);
    fixture_expect(&fixture, "p:joined", "12");
    cr_expect_eq(store_touch(fixture.worker, text("p:joined"), 100), STORE_OK);
    fixture_expect(&fixture, "p:joined", "12");
    fixture_close(&fixture);
}

/* A CAS that a client has chosen says nothing about the time, whatever it is. */
Test(flush_prefix, looks_through_numbers_that_clients_have_chosen) {
    struct fixture fixture = fixture_open();
    static const uint64_t numbers[] = {1, 100, 100000, 1000000, UINT64_C(1) << 40, UINT64_MAX - 1};
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct put_options options = {.cas_new = numbers[i]};
        struct put_result result;
        fixture_put(&fixture, text("p:a"), text("before"), 0, 0, &options, NULL);
        flush(&fixture, "p:");
        cr_expect_not(fixture_has(&fixture, "p:a"), "%" PRIu64, numbers[i]);
        cr_expect_eq(fixture_put(&fixture, text("p:a"), text("after"), 0, 0, &options, &result), STORE_OK);
        cr_expect_eq(result.cas, numbers[i]);
        cr_expect(fixture_has(&fixture, "p:a"), "%" PRIu64, numbers[i]);
        /* The touch needs a new item, with the same number. */
        cr_expect_eq(store_touch(fixture.worker, text("p:a"), 1000), STORE_OK);
        cr_expect_eq(fixture_get(&fixture, "p:a").cas, numbers[i]);
        cr_expect_eq(store_touch(fixture.worker, text("p:a"), 0), STORE_OK);
    }
    fixture_close(&fixture);
}

Test(flush_prefix, cas_numbers_of_a_key_rise_across_it) {
    struct fixture fixture = fixture_open();
    uint64_t last = 0;
    for (unsigned i = 0; i < 50; i++) {
        fixture_set(&fixture, "p:a", "x");
        uint64_t cas = fixture_get(&fixture, "p:a").cas;
        cr_expect_gt(cas, last);
        last = cas;
        flush(&fixture, "p:");
    }
    fixture_close(&fixture);
}

Test(flush_prefix, a_value_that_came_in_pieces_is_of_the_time_of_its_end) {
    struct fixture fixture = fixture_open();
    const struct put_options set = {.mode = PUT_SET};
    struct item *small, *large;
    cr_assert_eq(store_item_create(fixture.worker, text("p:small"), false, 0, 0, 1000, &small), STORE_OK);
    memset(store_item_value(small), 's', 1000);
    cr_assert_eq(store_item_create(fixture.worker, text("p:large"), false, 0, 0, 500000, &large), STORE_OK);
    memset(store_item_value(large), 'l', 500000);
    flush(&fixture, "p:");
    cr_expect_eq(store_put(fixture.worker, &small, &set, NULL), STORE_OK);
    cr_expect_eq(store_put(fixture.worker, &large, &set, NULL), STORE_OK);
    cr_expect_eq(fixture_get(&fixture, "p:small").value.size, 1000);
    cr_expect_eq(fixture_get(&fixture, "p:large").value.size, 500000);
    flush(&fixture, "p:");
    cr_expect_not(fixture_has(&fixture, "p:small"));
    cr_expect_not(fixture_has(&fixture, "p:large"));
    fixture_close(&fixture);
}

Test(flush_prefix, gives_the_memory_back_and_is_forgotten) {
    struct fixture fixture = fixture_open();
    enum { COUNT = 20000 };
    for (unsigned i = 0; i < COUNT; i++) {
        fixture_set_number(&fixture, i, 100);
        fixture_turn(&fixture, 0);
    }
    fixture_set(&fixture, "other", "x");
    flush(&fixture, "key-");
    cr_expect_eq(remembered(&fixture), 1);
    uint64_t homes = UINT64_C(1) << fixture_levels(&fixture).index_power;
    cr_expect_geq(turns_until_forgotten(&fixture), homes / 64 / 2, "a piece of a bounded size a turn");
    cr_expect_eq(fixture_levels(&fixture).items_count, 1);
    for (unsigned i = 0; i < 300; i++) {
        fixture_turn(&fixture, 10);
    }
    cr_expect_eq(fixture_turn(&fixture, 10), 0u, "nothing is left to do");
    fixture_expect(&fixture, "other", "x");
    cr_expect_eq(fixture_count(&fixture, evictions), 0);
    fixture_close(&fixture);
}

Test(flush_prefix, a_flush_during_a_round_waits_for_the_next) {
    struct fixture fixture = fixture_open();
    for (unsigned i = 0; i < 20000; i++) {
        fixture_set_number(&fixture, i, 10);
        fixture_turn(&fixture, 0);
    }
    flush(&fixture, "none");
    fixture_turn(&fixture, 1);
    fixture_turn(&fixture, 1);
    flush(&fixture, "key-1");
    while (remembered(&fixture) == 2) {
        fixture_turn(&fixture, 1);
    }
    cr_expect_eq(remembered(&fixture), 1, "the second has not seen all homes yet");
    turns_until_forgotten(&fixture);
    for (unsigned i = 0; i < 20000; i++) {
        char key[16];
        snprintf(key, sizeof(key), "key-%u", i);
        cr_assert_eq(fixture_has(&fixture, key), key[4] != '1', "%s", key);
    }
    fixture_close(&fixture);
}

/* It may have found an entry before the round took it out, and judges the item by the table afterwards. */
Test(flush_prefix, is_remembered_until_every_worker_has_passed_a_quiescent_state) {
    struct fixture fixture = fixture_open();
    struct store_worker *other = store_worker_join(fixture.store, fixture.now_ns);
    fixture_set(&fixture, "p:a", "x");
    flush(&fixture, "p:");
    for (unsigned i = 0; i < 200; i++) {
        cr_assert_neq(fixture_turn(&fixture, 1), 0u);
    }
    cr_expect_eq(fixture_levels(&fixture).items_count, 0, "the round is over");
    cr_expect_eq(remembered(&fixture), 1);
    for (unsigned i = 0; i < 4; i++) {
        store_quiescent(other, fixture.now_ns);
        fixture_turn(&fixture, 1);
    }
    cr_expect_eq(remembered(&fixture), 0);
    store_worker_leave(other);
    fixture_close(&fixture);
}

Test(flush_prefix, a_flush_of_everything_covers_it) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "p:a", "x");
    flush(&fixture, "p:");
    flush(&fixture, "q:");
    store_flush(fixture.worker, 0);
    fixture_set(&fixture, "p:a", "y");
    fixture_turn(&fixture, 1);
    cr_expect_eq(remembered(&fixture), 0, "at once, without a round");
    fixture_expect(&fixture, "p:a", "y");
    fixture_close(&fixture);
}

Test(flush_prefix, 4096_are_remembered_and_one_more_is_refused) {
    struct fixture fixture = fixture_open();
    char prefix[32];
    for (unsigned i = 0; i < STORE_FLUSHED_PREFIXES_MAX; i++) {
        snprintf(prefix, sizeof(prefix), "user:%u:", i);
        fixture_set(&fixture, prefix, "x");
        cr_assert_eq(flush(&fixture, prefix), STORE_FLUSHED);
        cr_assert_not(fixture_has(&fixture, prefix));
    }
    cr_expect_eq(remembered(&fixture), STORE_FLUSHED_PREFIXES_MAX);
    cr_expect_eq(flush(&fixture, "one more"), STORE_FLUSH_TOO_MANY);
    cr_expect_eq(fixture_count(&fixture, prefix_flushes_refused), 1);
    cr_expect_eq(flush(&fixture, "user:17:"), STORE_FLUSHED, "it is remembered already");
    cr_expect_eq(flush(&fixture, "user:1"), STORE_FLUSHED, "it takes the place of others");
    cr_expect_lt(remembered(&fixture), STORE_FLUSHED_PREFIXES_MAX);
    cr_expect_eq(flush(&fixture, "one more"), STORE_FLUSHED);
    turns_until_forgotten(&fixture);
    fixture_close(&fixture);
}

/* Tables that are replaced within a turn take a bounded share of the store. */
Test(flush_prefix, many_in_one_turn_do_not_eat_the_store) {
    struct fixture fixture = fixture_open();
    char prefix[256];
    uint64_t before = fixture_levels(&fixture).memory_size;
    for (unsigned i = 0; i < 2000; i++) {
        memset(prefix, 'x', 240);
        snprintf(prefix, 8, "%06u", i);
        prefix[6] = ':';
        cr_assert_eq(store_flush_prefix(fixture.worker, bytes_of(prefix, 240)), STORE_FLUSHED);
        cr_assert_lt(fixture_levels(&fixture).memory_size, before + 2 * FIXTURE_MIB);
    }
    turns_until_forgotten(&fixture);
    fixture_close(&fixture);
}

Test(flush_prefix, what_eviction_copies_keeps_its_time) {
    struct store_config config = fixture_config();
    config.memory_size_max = 1 * FIXTURE_MIB;
    config.item_size_max = 64 * 1024;
    struct fixture fixture = fixture_open_with(config);
    const struct put_options chosen = {.cas_new = 77};
    for (unsigned i = 0; i < 60000; i++) {
        /* Again and again, so that the segments that copies go into are older than the flush. */
        if (i % 6000 == 0) {
            flush(&fixture, "p:");
            cr_assert_not(fixture_has(&fixture, "p:new"));
            cr_assert_not(fixture_has(&fixture, "p:chosen"));
            fixture_set(&fixture, "p:new", "x");
            fixture_put(&fixture, text("p:chosen"), text("x"), 0, 0, &chosen, NULL);
        }
        cr_assert_eq(fixture_set_number(&fixture, i, 200), STORE_OK);
        cr_assert(fixture_has(&fixture, "p:new"), "%u", i);
        cr_assert(fixture_has(&fixture, "p:chosen"), "%u", i);
        fixture_turn(&fixture, 0);
    }
    cr_expect_gt(fixture_levels(&fixture).moved_size, 0);
    fixture_close(&fixture);
}
