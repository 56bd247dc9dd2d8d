/* SPDX-License-Identifier: MIT
 *
 * Segments: what lies together, when one comes free, and who keeps it.
 */
#include "fixture.h"
#include "segment.h"

static uint32_t segment_of(struct fixture *fixture, const char *key) {
    struct store *store = fixture->store;
    uint32_t location = index_find(store, index_hash(&store->index, text(key)), text(key));
    cr_assert_neq(location, 0);
    return arena_segment_of(&store->arena, location);
}

static enum segment_state state_of(const struct fixture *fixture, uint32_t index) {
    return segment_state(&fixture->store->arena.segments[index]);
}

Test(segment, what_expires_at_another_time_lies_elsewhere) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "never", "value");
    fixture_set_expiring(&fixture, "soon", "value", store_expiry(fixture.worker, 60));
    fixture_set_expiring(&fixture, "soon, too", "value", store_expiry(fixture.worker, 600));
    fixture_set_expiring(&fixture, "later", "value", store_expiry(fixture.worker, 86400));
    cr_expect_eq(segment_of(&fixture, "soon"), segment_of(&fixture, "soon, too"));
    cr_expect_neq(segment_of(&fixture, "soon"), segment_of(&fixture, "never"));
    cr_expect_neq(segment_of(&fixture, "soon"), segment_of(&fixture, "later"));
    fixture_close(&fixture);
}

Test(segment, comes_free_with_its_last_item) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "one", "value");
    fixture_set(&fixture, "two", "value");
    uint32_t index = segment_of(&fixture, "one");
    segment_close_all(fixture.worker);
    cr_expect_eq(state_of(&fixture, index), SEGMENT_QUEUED);
    store_delete(fixture.worker, text("one"), NULL, NULL);
    cr_expect_eq(state_of(&fixture, index), SEGMENT_QUEUED);
    store_delete(fixture.worker, text("two"), NULL, NULL);
    cr_expect_eq(state_of(&fixture, index), SEGMENT_RETIRED);
    for (unsigned turn = 0; turn < 5; turn++) {
        fixture_turn(&fixture, 1);
    }
    cr_expect_eq(state_of(&fixture, index), SEGMENT_FREE);
    fixture_close(&fixture);
}

Test(segment, that_is_closed_without_a_live_item_comes_free) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "key", "value");
    uint32_t index = segment_of(&fixture, "key");
    store_delete(fixture.worker, text("key"), NULL, NULL);
    cr_expect_eq(state_of(&fixture, index), SEGMENT_OPEN);
    segment_close_all(fixture.worker);
    cr_expect_eq(state_of(&fixture, index), SEGMENT_RETIRED);
    fixture_close(&fixture);
}

Test(segment, of_a_large_item_is_its_own) {
    struct fixture fixture = fixture_open();
    fixture_set_number(&fixture, 1, 500000);
    fixture_set_number(&fixture, 2, 500000);
    uint32_t index = segment_of(&fixture, "key-1");
    cr_expect_neq(index, segment_of(&fixture, "key-2"));
    cr_expect_eq(state_of(&fixture, index), SEGMENT_QUEUED);
    store_delete(fixture.worker, text("key-1"), NULL, NULL);
    cr_expect_eq(state_of(&fixture, index), SEGMENT_RETIRED);
    fixture_close(&fixture);
}

Test(segment, a_dropped_item_leaves_its_room_to_the_next) {
    struct fixture fixture = fixture_open();
    struct item *one, *two;
    cr_assert_eq(store_item_create(fixture.worker, text("key"), false, 0, 0, 100, &one), STORE_OK);
    store_item_discard(fixture.worker, one);
    cr_assert_eq(store_item_create(fixture.worker, text("key"), false, 0, 0, 100, &two), STORE_OK);
    cr_expect_eq(one, two);
    store_item_discard(fixture.worker, two);
    fixture_close(&fixture);
}

Test(segment, from_before_a_flush_takes_nothing_in) {
    struct fixture fixture = fixture_open();
    fixture_set(&fixture, "before", "value");
    uint32_t index = segment_of(&fixture, "before");
    store_flush(fixture.worker, 0);
    fixture_set(&fixture, "after", "value");
    cr_expect_neq(segment_of(&fixture, "after"), index);
    fixture_expect(&fixture, "after", "value");
    cr_expect_not(fixture_has(&fixture, "before"));
    fixture_close(&fixture);
}
