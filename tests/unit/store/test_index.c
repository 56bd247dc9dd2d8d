/* SPDX-License-Identifier: MIT
 *
 * The index: chains, overflow buckets that come and go, and the checker itself.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "index.h"
#include "segment.h"

/* Numbers whose keys share home 0 of 64. */
static void find_sharing(struct fixture *fixture, uint64_t *numbers, size_t count) {
    /*
     * As long as the longest key: the compiler checks the branches of the hash against the array, not against the
     * length.
     */
    char key[STORE_KEY_SIZE_MAX];
    size_t found_count = 0;
    for (uint64_t number = 0; found_count < count; number++) {
        int key_size = snprintf(key, sizeof(key), "key-%" PRIu64, number);
        uint64_t hash = index_hash(&fixture->store->index, bytes_of(key, (size_t)key_size));
        if (index_home_number(64, hash) == 0) {
            numbers[found_count++] = number;
        }
    }
}

static void delete_number(struct fixture *fixture, uint64_t number) {
    char key[32];
    snprintf(key, sizeof(key), "key-%" PRIu64, number);
    cr_assert_eq(store_delete(fixture->worker, text(key), NULL, NULL), STORE_OK);
}

static uint64_t overflow_count(const struct fixture *fixture) {
    return atomic_load(&fixture->store->index.overflow_count);
}

static void expect_all(struct fixture *fixture, const uint64_t *numbers, unsigned count) {
    struct item_view view;
    cr_assert(index_check(fixture->store));
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(fixture_get_number(fixture, numbers[i], &view), STORE_OK);
    }
}

Test(index, a_home_is_the_lower_bits_as_far_as_there_are_homes) {
    cr_expect_eq(index_home_number(64, 63), 63);
    cr_expect_eq(index_home_number(64, 64), 0);
    cr_expect_eq(index_home_number(65, 64), 64);
    cr_expect_eq(index_home_number(65, 65), 1);
    cr_expect_eq(index_home_number(127, 126), 126);
    cr_expect_eq(index_home_number(127, 127), 63);
    cr_expect_eq(index_home_number(128, 127), 127);
}

Test(index, a_home_holds_10_and_then_chains) {
    enum { COUNT = 32 };
    struct fixture fixture = fixture_open();
    uint64_t numbers[COUNT];
    find_sharing(&fixture, numbers, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        cr_assert_eq(fixture_set_number(&fixture, numbers[i], 10), STORE_OK);
        cr_assert_eq(overflow_count(&fixture), i / 10);
        expect_all(&fixture, numbers, i + 1);
    }
    fixture_close(&fixture);
}

Test(index, a_chain_is_never_longer_than_it_must_be) {
    enum { COUNT = 35 };
    struct fixture fixture = fixture_open();
    struct random random = fixture_random();
    uint64_t numbers[COUNT];
    find_sharing(&fixture, numbers, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        fixture_set_number(&fixture, numbers[i], 10);
    }
    for (unsigned left = COUNT; left > 0; left--) {
        unsigned gone = (unsigned)random_below(&random, left);
        delete_number(&fixture, numbers[gone]);
        numbers[gone] = numbers[left - 1];
        cr_assert_eq(overflow_count(&fixture), left == 1 ? 0 : (left - 2) / 10);
        expect_all(&fixture, numbers, left - 1);
    }
    fixture_close(&fixture);
}

Test(index, reuses_free_entries) {
    struct fixture fixture = fixture_open();
    uint64_t numbers[20];
    find_sharing(&fixture, numbers, 20);
    for (unsigned i = 0; i < 10; i++) {
        fixture_set_number(&fixture, numbers[i], 10);
    }
    for (unsigned i = 0; i < 10; i++) {
        delete_number(&fixture, numbers[i]);
        fixture_set_number(&fixture, numbers[10 + i], 10);
        cr_assert_eq(overflow_count(&fixture), 0);
    }
    cr_expect_eq(fixture_levels(&fixture).items_count, 10);
    fixture_close(&fixture);
}

Test(index, meets_a_dead_item_alone_in_an_overflow_bucket) {
    struct fixture fixture = fixture_open();
    uint64_t numbers[11];
    char key[32];
    find_sharing(&fixture, numbers, 11);
    for (unsigned i = 0; i < 11; i++) {
        fixture_set_number(&fixture, numbers[i], 10);
    }
    snprintf(key, sizeof(key), "key-%" PRIu64, numbers[10]);
    store_touch(fixture.worker, text(key), STORE_EXPIRED);
    cr_expect_eq(fixture_store(&fixture, PUT_ADD, key, "again"), STORE_OK);
    fixture_expect(&fixture, key, "again");
    cr_expect_eq(overflow_count(&fixture), 1);
    fixture_close(&fixture);
}

Test(index, overflow_buckets_are_used_again) {
    struct fixture fixture = fixture_open();
    uint64_t numbers[11];
    find_sharing(&fixture, numbers, 11);
    for (unsigned round = 0; round < 1000; round++) {
        for (unsigned i = 0; i < 11; i++) {
            fixture_set_number(&fixture, numbers[i], 10);
        }
        for (unsigned i = 0; i < 11; i++) {
            delete_number(&fixture, numbers[i]);
        }
        fixture_turn(&fixture, 1);
    }
    cr_expect_leq(fixture.store->index.overflow_taken, 64);
    fixture_close(&fixture);
}

/* --- the checker --- */

static struct bucket *first_used(struct store *store) {
    for (struct bucket *home = store->index.homes;; home++) {
        if (atomic_load(&home->locations[0]) != 0) {
            return home;
        }
    }
}

#define expect_noticed(fixture, word, spoilt)                                                                \
    do {                                                                                                     \
        __typeof__(*(word)) *spoilt_word = (word);                                                           \
        unsigned right_value = (unsigned)atomic_load(spoilt_word);                                           \
        cr_assert(index_check((fixture)->store));                                                            \
        atomic_store(spoilt_word, (spoilt));                                                                 \
        cr_expect_not(index_check((fixture)->store));                                                        \
        atomic_store(spoilt_word, (__typeof__(*(word)))right_value);                                         \
        cr_assert(index_check((fixture)->store));                                                            \
    } while (0)

/* Of an item that has another home. */
static uint32_t location_elsewhere(const struct bucket *home) {
    for (const struct bucket *other = home + 1;; other++) {
        if (atomic_load(&other->locations[0]) != 0) {
            return atomic_load(&other->locations[0]);
        }
    }
}

/* Of an item with the same key that is not stored. */
static uint32_t twin_of(struct fixture *fixture, uint32_t location) {
    struct item *twin;
    struct bytes key = item_key(arena_item(&fixture->store->arena, location));
    cr_assert_eq(store_item_create(fixture->worker, key, false, 0, STORE_EXPIRES_NEVER, 10, &twin), STORE_OK);
    memset(store_item_value(twin), 'x', 10);
    return arena_location_of(&fixture->store->arena, twin);
}

Test(index, the_checker_notices_what_is_wrong) {
    struct fixture fixture = fixture_open();
    for (unsigned i = 0; i < 20; i++) {
        fixture_set_number(&fixture, i, 10);
    }
    segment_close_all(fixture.worker);
    struct bucket *home = first_used(fixture.store);
    uint32_t location = atomic_load(&home->locations[0]);
    struct segment *segment =
        &fixture.store->arena.segments[arena_segment_of(&fixture.store->arena, location)];
    uint32_t other = location_elsewhere(home);
    expect_noticed(&fixture, &home->locations[0], 0u);         /* an item is missing */
    expect_noticed(&fixture, &home->locations[0], UINT32_MAX); /* beyond the last window */
    expect_noticed(&fixture, &home->locations[0], fixture.store->arena.large_first - 1); /* never used */
    expect_noticed(&fixture, &home->locations[0], other);                       /* the key hashes elsewhere */
    expect_noticed(&fixture, &home->locations[9], twin_of(&fixture, location)); /* a key with two items */
    expect_noticed(&fixture, &home->tags[0], (uint16_t)(right_value ^ 4));      /* another tag */
    expect_noticed(&fixture, &home->locations[9], location);                    /* twice */
    expect_noticed(&fixture, &home->header, BUCKET_LOCKED);                     /* a lock was left */
    expect_noticed(&fixture, &home->header, BUCKET_MOVING);
    expect_noticed(&fixture, &fixture.store->index.overflow_count, 1u);
    expect_noticed(&fixture, &segment->dead, 8u); /* too few live bytes */
    expect_noticed(&fixture, &segment->used, atomic_load(&segment->used) + 8);
    expect_noticed(&fixture, &segment->state, (uint8_t)SEGMENT_RETIRED);
    expect_noticed(&fixture, &segment->state, (uint8_t)SEGMENT_FREE);
    store_item_discard(fixture.worker, fixture.worker->fresh);
    fixture_close(&fixture);
}

/* Whether the kernel was advised to use large pages for the mapping that an address lies in (proc(5), VmFlags). */
static bool is_advised(const void *address) {
    FILE *smaps = fopen("/proc/self/smaps", "r");
    cr_assert_not_null(smaps);
    char line[512];
    uintptr_t first, end;
    bool inside = false, advised = false;
    while (fgets(line, sizeof(line), smaps) != NULL) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &first, &end) == 2) {
            inside = (uintptr_t)address >= first && (uintptr_t)address < end;
        } else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            advised = strstr(line, " hg") != NULL;
        }
    }
    fclose(smaps);
    return advised;
}

Test(index, lies_in_large_pages_only_when_asked) {
    if (access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) != 0) {
        cr_skip_test("this kernel has no transparent large pages");
    }
    for (int asked = 0; asked < 2; asked++) {
        struct store_config config = fixture_config();
        config.large_pages = asked == 1;
        struct fixture fixture = fixture_open_with(config);
        cr_expect_eq(is_advised(fixture.store->index.homes), asked == 1);
        cr_expect_eq(is_advised(fixture.store->index.overflow), asked == 1);
        fixture_close(&fixture);
    }
}
