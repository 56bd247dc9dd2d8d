/* SPDX-License-Identifier: MIT
 *
 * Items of one store go to another one that does not lay them out alike.
 */
#include "fixture.h"
#include "portable.h"
#include "riposte/record.h"
#include "riposte/store_file.h"
#include "riposte/store_stream.h"

enum { PIECE_SIZE = 64 * 1024 };

TestSuite(export, .timeout = 60);

/* Another layout: larger segments and steps, larger items, another seed. */
static struct store_config other_config(void) {
    struct store_config config = fixture_config();
    config.memory_size_max = 64 * (size_t)FIXTURE_MIB;
    config.item_size_max = 4 * FIXTURE_MIB;
    config.hash_seed = 2;
    return config;
}

struct moved_store {
    struct fixture fixture;
    struct store_imported imported;
    uint64_t left_count; /* by the one that was read */
    size_t piece_size_most;
};

/* All that the store has, in one like `config`; its worker leaves it for that, and joins again. */
static struct moved_store move_to(struct fixture *fixture, struct store_config config, size_t memory_size_max,
                                  uint64_t later_ns) {
    struct moved_store moved = {.fixture = {.now_ns = fixture->now_ns + later_ns}};
    struct record_writer piece = {0};
    store_worker_leave(fixture->worker);
    cr_assert_eq(store_create(&config, &moved.fixture.store), 0);
    struct store_export *source = store_export_begin(fixture->store, fixture->now_ns);
    struct store_import *target =
        store_import_begin(moved.fixture.store, memory_size_max, moved.fixture.now_ns);
    for (bool goes_on = true; goes_on;) {
        cr_assert(store_export_next(source, PIECE_SIZE, &piece));
        goes_on = piece.size > 0 &&
                  store_import_take(target, bytes_of(piece.data, piece.size)) == STORE_IMPORT_TAKEN;
        moved.piece_size_most = piece.size > moved.piece_size_most ? piece.size : moved.piece_size_most;
    }
    moved.left_count = store_export_left(source);
    store_export_end(source);
    store_import_end(target, &moved.imported);
    record_discard(&piece);
    cr_assert(index_check(fixture->store), "it was only read");
    fixture->worker = store_worker_join(fixture->store, fixture->now_ns);
    moved.fixture.worker = store_worker_join(moved.fixture.store, moved.fixture.now_ns);
    cr_assert(index_check(moved.fixture.store));
    return moved;
}

static struct moved_store move(struct fixture *fixture) {
    return move_to(fixture, other_config(), SIZE_MAX, 0);
}

static struct item_view look(struct fixture *fixture, const char *key, bool shows_number) {
    const struct get_options options = {.no_use = true, .shows_number = shows_number, .meta = false};
    struct item_view view;
    cr_assert_eq(store_get_with(fixture->worker, text(key), &options, &view), STORE_OK, "%s", key);
    return view;
}

Test(export, every_item_of_every_size_arrives) {
    enum { COUNT = 20000, LARGE = 3 };
    struct fixture fixture = fixture_open();
    for (uint64_t i = 0; i < COUNT; i++) {
        cr_assert_eq(fixture_set_number(&fixture, i, i % 100), STORE_OK);
    }
    for (uint64_t i = 0; i < LARGE; i++) {
        cr_assert_eq(fixture_set_number(&fixture, COUNT + i, 900000), STORE_OK);
    }
    for (uint64_t i = 0; i < COUNT; i += 3) {
        cr_assert_eq(fixture_set_number(&fixture, i, i % 1000), STORE_OK, "again, of another size");
    }
    struct moved_store moved = move(&fixture);
    cr_expect_eq(moved.imported.items_count, COUNT + LARGE);
    cr_expect_eq(moved.imported.left_count + moved.imported.too_large_count + moved.left_count, 0);
    cr_expect_eq(fixture_levels(&moved.fixture).items_count, COUNT + LARGE);
    cr_expect_lt(moved.piece_size_most, 900000 + PIECE_SIZE, "bounded: %zu", moved.piece_size_most);
    for (uint64_t i = 0; i < COUNT + LARGE; i++) {
        struct item_view view, before;
        cr_assert_eq(fixture_get_number(&moved.fixture, i, &view), STORE_OK, "%" PRIu64, i);
        cr_assert_eq(fixture_get_number(&fixture, i, &before), STORE_OK);
        cr_assert(bytes_equal(view.value, before.value), "%" PRIu64, i);
    }
    fixture_close(&moved.fixture);
    fixture_close(&fixture);
}

Test(export, flags_numbers_marks_and_times_are_what_they_were) {
    struct fixture fixture = fixture_open();
    const struct put_options set = {.mode = PUT_SET}, chosen = {.mode = PUT_SET, .cas_new = 77};
    const struct delete_options stale = {.invalidate = true, .touch = true, .touch_expires_tick = 5000};
    const struct get_options won = {.meta = true};
    struct put_result told;
    struct item_view view;
    fixture_put(&fixture, text("flags"), text("v"), 0xdeadbeef, store_expiry(fixture.worker, 50), &set, NULL);
    fixture_put(&fixture, text("chosen"), text("v"), 0, STORE_EXPIRES_NEVER, &chosen, NULL);
    fixture_put(&fixture, text("told"), text("v"), 0, STORE_EXPIRES_NEVER, &set, &told);
    fixture_set(&fixture, "stale", "v");
    store_delete(fixture.worker, text("stale"), &stale, NULL);
    store_get_with(fixture.worker, text("stale"), &won, &view);
    fixture_set(&fixture, "shown", "v");
    uint64_t shown = look(&fixture, "shown", true).cas;
    struct item_view flags = look(&fixture, "flags", false);
    uint64_t sequence = arena_level(&fixture.store->arena.sequence);
    cr_assert_eq(store_note_set(fixture.store, text("note")), 0);

    struct moved_store moved = move(&fixture);
    view = look(&moved.fixture, "flags", false);
    cr_expect_eq(view.client_flags, 0xdeadbeef);
    cr_expect_eq(view.expires_tick, flags.expires_tick);
    cr_expect_eq(view.used_tick, flags.used_tick);
    cr_expect(!view.fetched);
    cr_expect_eq(look(&moved.fixture, "chosen", true).cas, 77);
    cr_expect_eq(look(&moved.fixture, "told", true).cas, told.cas);
    cr_expect_eq(look(&moved.fixture, "shown", true).cas, shown);
    cr_expect(look(&moved.fixture, "stale", false).stale && look(&moved.fixture, "stale", false).won_before);
    cr_expect(bytes_equal_string(store_note(moved.fixture.store), "note"));
    fixture_put(&moved.fixture, text("told"), text("v"), 0, STORE_EXPIRES_NEVER, &set, &told);
    cr_expect_gt(told.cas, sequence, "numbers go on above the highest");
    fixture_close(&moved.fixture);
    fixture_close(&fixture);
}

Test(export, what_is_dead_stays_behind) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "flushed.a", "v");
    fixture_set(&fixture, "deleted", "v");
    fixture_set(&fixture, "replaced", "old");
    fixture_set_expiring(&fixture, "expired", "v", store_expiry(fixture.worker, 10));
    store_delete(fixture.worker, text("deleted"), NULL, NULL);
    fixture_set(&fixture, "replaced", "new");
    fixture_turn(&fixture, 11000);
    cr_assert_eq(store_flush_prefix(fixture.worker, text("flushed.")), STORE_FLUSHED);
    struct moved_store moved = move(&fixture);
    cr_expect_eq(moved.imported.items_count, 1);
    cr_expect_eq(moved.left_count, 0);
    fixture_expect(&moved.fixture, "replaced", "new");
    fixture_close(&moved.fixture);
    fixture_close(&fixture);
}

Test(export, time_goes_on_and_a_delayed_flush_comes) {
    struct fixture fixture = fixture_open();
    fixture_turn(&fixture, 300);
    fixture_set_expiring(&fixture, "soon", "v", store_expiry(fixture.worker, 30));
    fixture_set(&fixture, "flushed", "v");
    store_clock_advance(fixture.store, 100);
    fixture_turn(&fixture, 500);
    store_flush(fixture.worker, store_now_tick(fixture.worker) + 20);
    uint32_t tick = store_now_tick(fixture.worker);
    uint64_t unix_s = store_tick_unix_s(fixture.worker, tick);
    fixture_set_expiring(&fixture, "later", "v", store_expiry(fixture.worker, 10));
    struct moved_store moved = move_to(&fixture, other_config(), SIZE_MAX, 9 * CLOCK_NS_PER_S);
    cr_expect_eq(store_now_tick(moved.fixture.worker), tick + 9);
    cr_expect_eq(store_tick_unix_s(moved.fixture.worker, tick), unix_s);
    cr_expect(fixture_has(&moved.fixture, "later"));
    cr_expect(!fixture_has(&moved.fixture, "soon"), "the clock was moved on");
    fixture_turn(&moved.fixture, 1000);
    cr_expect(!fixture_has(&moved.fixture, "later"), "to the second");
    cr_expect(fixture_has(&moved.fixture, "flushed"));
    fixture_turn(&moved.fixture, 10000);
    cr_expect(!fixture_has(&moved.fixture, "flushed"));
    fixture_close(&moved.fixture);
    fixture_close(&fixture);
}

/* A machine without a battery: its clock says 1970 for a while. */
Test(export, a_store_that_is_older_than_the_clock_arrives) {
    struct fixture fixture = fixture_open();
    fixture_turn(&fixture, 5000 * 1000);
    uint32_t tick = store_now_tick(fixture.worker);
    store_clock_shift_wall(fixture.store, 30 - (int64_t)store_tick_unix_s(fixture.worker, tick));
    fixture_set(&fixture, "a", "v");
    struct moved_store moved = move(&fixture);
    cr_expect(fixture_has(&moved.fixture, "a"));
    cr_expect_eq(store_tick_unix_s(moved.fixture.worker, tick), 30);
    cr_expect_eq(store_expiry(moved.fixture.worker, 1796000000), tick + 1796000000 - 30);
    fixture_close(&moved.fixture);
    fixture_close(&fixture);
}

/* Used ones live in main, when eviction has met them. */
static void fill_twice_over(struct fixture *fixture, uint64_t used_count) {
    struct item_view view;
    for (uint64_t i = 0; i < 40000; i++) {
        cr_assert_eq(fixture_set_number(fixture, i, 1000), STORE_OK);
        fixture_turn(fixture, 1);
        if (i >= used_count) {
            fixture_get_number(fixture, i % used_count, &view);
        }
    }
}

Test(export, the_most_valuable_arrive_where_there_is_less_room_and_nothing_is_evicted) {
    enum { USED = 2000, NEWEST = 1000 };
    struct fixture fixture = fixture_open();
    struct item_view view;
    fill_twice_over(&fixture, USED);
    uint64_t before_count = fixture_levels(&fixture).items_count;
    struct store_config config = other_config();
    config.memory_size_max = 8 * (size_t)FIXTURE_MIB;
    struct moved_store moved = move_to(&fixture, config, SIZE_MAX, 0);
    uint64_t count = moved.imported.items_count;
    cr_expect_gt(count, USED + NEWEST);
    cr_expect_lt(count, before_count);
    cr_expect_gt(moved.imported.left_count, 0);
    cr_expect_eq(count + moved.imported.left_count + moved.left_count, before_count, "each is counted once");
    cr_expect_eq(fixture_count(&moved.fixture, evictions), 0);
    unsigned used_count = 0;
    for (uint64_t i = 0; i < USED; i++) {
        bool was_there = fixture_get_number(&fixture, i, &view) == STORE_OK;
        cr_assert_eq(fixture_get_number(&moved.fixture, i, &view) == STORE_OK, was_there, "used: %" PRIu64,
                     i);
        used_count += was_there;
    }
    cr_expect_gt(used_count, USED / 2);
    for (uint64_t i = 40000 - NEWEST; i < 40000; i++) {
        cr_assert_eq(fixture_get_number(&moved.fixture, i, &view), STORE_OK, "new: %" PRIu64, i);
    }
    /* Who goes next is the oldest. */
    uint64_t oldest = 0;
    for (oldest = USED; store_get(moved.fixture.worker, text("none"), &view) == STORE_MISS &&
                        fixture_get_number(&moved.fixture, oldest, &view) == STORE_MISS;
         oldest++) {
    }
    for (uint64_t i = 50000; fixture_count(&moved.fixture, evictions) < 500; i++) {
        cr_assert_eq(fixture_set_number(&moved.fixture, i, 1000), STORE_OK);
        fixture_turn(&moved.fixture, 1);
    }
    cr_expect_eq(fixture_get_number(&moved.fixture, oldest + 1, &view), STORE_MISS, "%" PRIu64, oldest);
    cr_expect_eq(fixture_get_number(&moved.fixture, 39999, &view), STORE_OK);
    fixture_close(&moved.fixture);
    fixture_close(&fixture);
}

Test(export, a_machine_with_less_memory_than_the_limit_gets_less) {
    struct fixture fixture = fixture_open();
    for (uint64_t i = 0; i < 8000; i++) {
        cr_assert_eq(fixture_set_number(&fixture, i, 1000), STORE_OK);
    }
    struct moved_store moved = move_to(&fixture, other_config(), 6 * (size_t)FIXTURE_MIB, 0);
    cr_expect_gt(moved.imported.items_count, 1000);
    cr_expect_gt(moved.imported.left_count, 0);
    cr_expect_leq(fixture_levels(&moved.fixture).memory_size - fixture_levels(&moved.fixture).index_size,
                  6 * (size_t)FIXTURE_MIB);
    fixture_close(&moved.fixture);
    fixture_close(&fixture);
}

Test(export, items_above_a_smaller_limit_are_left_and_counted) {
    struct fixture fixture = fixture_open();
    fixture_set_number(&fixture, 1, 900000);
    fixture_set_number(&fixture, 2, 9000);
    struct store_config config = other_config();
    config.item_size_max = 10000;
    struct moved_store moved = move_to(&fixture, config, SIZE_MAX, 0);
    cr_expect_eq(moved.imported.items_count, 1);
    cr_expect_eq(moved.imported.too_large_count, 1);
    fixture_close(&moved.fixture);
    fixture_close(&fixture);
}

Test(export, an_empty_store_says_its_clock_and_numbers) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "a", "v");
    uint64_t cas = look(&fixture, "a", true).cas;
    store_delete(fixture.worker, text("a"), NULL, NULL);
    fixture_turn(&fixture, 5000);
    struct moved_store moved = move(&fixture);
    cr_expect_eq(store_now_tick(moved.fixture.worker), store_now_tick(fixture.worker));
    fixture_set(&moved.fixture, "a", "v");
    cr_expect_gt(look(&moved.fixture, "a", true).cas, cas);
    fixture_close(&moved.fixture);
    fixture_close(&fixture);
}

/* --- what may be anything --- */

struct crafted {
    char bytes[4096];
    size_t size;
};

static struct crafted craft(void) {
    return (struct crafted){.size = PORTABLE_PIECE_HEAD_SIZE};
}

static void craft_store(struct crafted *crafted, uint64_t sequence, uint64_t tick) {
    const struct portable_store said = {
        .begin_ns = 1, .begin_tick = tick, .now_tick = tick + 1, .sequence = sequence};
    crafted->size =
        (size_t)(portable_write_store(crafted->bytes + crafted->size, &said, text("")) - crafted->bytes);
}

static void craft_item(struct crafted *crafted, const char *key, uint64_t cas, uint32_t marks) {
    const struct portable_item item = {
        .fields = {.cas = cas, .marks = marks, .uses = UINT32_MAX, .used_tick = UINT64_MAX},
        .key = text(key),
        .value = text("v")};
    crafted->size = (size_t)(portable_write_item(crafted->bytes + crafted->size, &item) - crafted->bytes);
}

static enum store_import_outcome take(struct crafted *crafted, struct store **store) {
    struct store_config config = fixture_config();
    struct store_imported imported;
    portable_seal(crafted->bytes, crafted->size);
    cr_assert_eq(store_create(&config, store), 0);
    struct store_import *target = store_import_begin(*store, SIZE_MAX, 1000 * CLOCK_NS_PER_S);
    enum store_import_outcome outcome = store_import_take(target, bytes_of(crafted->bytes, crafted->size));
    store_import_end(target, &imported);
    cr_assert(index_check(*store));
    return outcome;
}

static void expect_bad(struct crafted crafted) {
    struct store *store;
    cr_expect_eq(take(&crafted, &store), STORE_IMPORT_BAD);
    store_destroy(store);
}

Test(export, what_cannot_be_is_refused) {
    struct crafted crafted = craft();
    craft_item(&crafted, "a", 1, 0);
    expect_bad(crafted); /* before the store */
    crafted = craft();
    craft_store(&crafted, 1, 2);
    craft_store(&crafted, 1, 2);
    expect_bad(crafted); /* twice */
    crafted = craft();
    craft_store(&crafted, UINT64_MAX, 2);
    expect_bad(crafted); /* no numbers would be left */
    crafted = craft();
    craft_store(&crafted, 1, 1);
    expect_bad(crafted); /* a tick that no clock shows */
    crafted = craft();
    craft_store(&crafted, 1, UINT32_MAX);
    expect_bad(crafted);
    crafted = craft();
    craft_store(&crafted, 1, 2);
    craft_item(&crafted, "a", 1, 0);
    crafted.size--;
    expect_bad(crafted); /* cut */
}

Test(export, numbers_that_cannot_be_drawn_are_given_ones_and_a_key_that_comes_twice_is_there_once) {
    struct crafted crafted = craft();
    struct store *store;
    craft_store(&crafted, 100, 2);
    craft_item(&crafted, "a", 1000000, PORTABLE_CAS_SHOWN);
    craft_item(&crafted, "b", 50, PORTABLE_CAS_SHOWN);
    craft_item(&crafted, "b", 51, PORTABLE_CAS_GIVEN | 0x80000000U);
    cr_expect_eq(take(&crafted, &store), STORE_IMPORT_TAKEN);
    struct fixture fixture = {.store = store, .now_ns = 1000 * CLOCK_NS_PER_S};
    fixture.worker = store_worker_join(store, fixture.now_ns);
    cr_expect_eq(look(&fixture, "a", true).cas, 1000000);
    cr_expect_eq(look(&fixture, "b", true).cas, 51);
    cr_expect_eq(fixture_levels(&fixture).items_count, 2);
    fixture_close(&fixture);
}

/* One that has joined takes the place: nobody else can, as where there is no memory for another. */
Test(export, without_memory_for_who_stores_them_items_behind_the_store_in_one_piece_are_left) {
    struct crafted crafted = craft();
    struct store_config config = fixture_config();
    struct store_imported imported;
    struct store *store;
    config.workers_max = 1;
    craft_store(&crafted, 100, 2);
    craft_item(&crafted, "a", 50, PORTABLE_CAS_SHOWN);
    craft_item(&crafted, "b", 51, PORTABLE_CAS_SHOWN);
    portable_seal(crafted.bytes, crafted.size);
    cr_assert_eq(store_create(&config, &store), 0);
    struct store_worker *other = store_worker_join(store, 1000 * CLOCK_NS_PER_S);
    struct store_import *target = store_import_begin(store, SIZE_MAX, 1000 * CLOCK_NS_PER_S);
    cr_expect_eq(store_import_take(target, bytes_of(crafted.bytes, crafted.size)), STORE_IMPORT_FULL);
    store_import_end(target, &imported);
    cr_expect_eq(imported.left_count, 2);
    cr_expect_eq(imported.items_count, 0);
    cr_expect(imported.is_full);
    store_worker_leave(other);
    cr_expect(index_check(store));
    store_destroy(store);
}

Test(export, the_store_that_was_read_can_be_left_in_its_memory_before_and_after) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "a", "v");
    store_worker_leave(fixture.worker);
    cr_assert_eq(store_file_save(fixture.store, fixture.now_ns), 0);
    store_file_resume(fixture.store);
    fixture.worker = store_worker_join(fixture.store, fixture.now_ns);
    struct moved_store moved = move(&fixture);
    fixture_expect(&moved.fixture, "a", "v");
    fixture_close(&moved.fixture);
    store_worker_leave(fixture.worker);
    cr_assert_eq(store_file_save(fixture.store, fixture.now_ns), 0);
    store_destroy(fixture.store);
}
