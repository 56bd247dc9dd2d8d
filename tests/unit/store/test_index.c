/* SPDX-License-Identifier: MIT
 *
 * The index: chains, overflow buckets that come and go, and the checker itself.
 */
#include "fixture.h"
#include "hash.h"
#include "index.h"

/* Numbers whose keys share home 0 of a table of 2^power homes. */
static void find_sharing(struct fixture *fixture, unsigned power, uint64_t *numbers, size_t count) {
    /*
     * As long as the longest key: the compiler checks the branches of the hash against the array, not
     * against the length.
     */
    char key[STORE_KEY_SIZE_MAX];
    size_t found_count = 0;
    for (uint64_t number = 0; found_count < count; number++) {
        int key_size = snprintf(key, sizeof(key), "key-%" PRIu64, number);
        uint64_t hash = hash_key(fixture->store->index.hash_seed, bytes_of(key, (size_t)key_size));
        if ((hash & ((UINT64_C(1) << power) - 1)) == 0) {
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
    return atomic_load(&fixture->store->growth.overflow_count);
}

Test(index, a_home_holds_7_and_then_chains) {
    struct fixture fixture = fixture_open();
    uint64_t numbers[22];
    struct item_view view;
    find_sharing(&fixture, 6, numbers, 22);
    for (unsigned i = 0; i < 22; i++) {
        cr_assert_eq(fixture_set_number(&fixture, numbers[i], 10), STORE_OK);
        cr_assert_eq(overflow_count(&fixture), i / 7);
        cr_assert(audit_index(fixture.store));
        for (unsigned j = 0; j <= i; j++) {
            cr_assert_eq(fixture_get_number(&fixture, numbers[j], &view), STORE_OK);
        }
    }
    fixture_close(&fixture);
}

Test(index, an_empty_overflow_bucket_goes_wherever_it_stands) {
    static const unsigned orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}};
    for (unsigned order = 0; order < 4; order++) {
        struct fixture fixture = fixture_open();
        uint64_t numbers[28];
        struct item_view view;
        find_sharing(&fixture, 6, numbers, 28);
        for (unsigned i = 0; i < 28; i++) {
            fixture_set_number(&fixture, numbers[i], 10);
        }
        cr_assert_eq(overflow_count(&fixture), 3);
        for (unsigned step = 0; step < 3; step++) {
            unsigned first = 7 + 7 * orders[order][step]; /* the first of the items in that overflow bucket */
            for (unsigned i = first; i < first + 7; i++) {
                delete_number(&fixture, numbers[i]);
            }
            cr_assert_eq(overflow_count(&fixture), 2 - step);
            cr_assert(audit_index(fixture.store));
            for (unsigned i = 0; i < 7; i++) {
                cr_assert_eq(fixture_get_number(&fixture, numbers[i], &view), STORE_OK);
            }
        }
        fixture_close(&fixture);
    }
}

Test(index, reuses_free_entries) {
    struct fixture fixture = fixture_open();
    uint64_t numbers[14];
    find_sharing(&fixture, 6, numbers, 14);
    for (unsigned i = 0; i < 7; i++) {
        fixture_set_number(&fixture, numbers[i], 10);
    }
    for (unsigned i = 0; i < 7; i++) {
        delete_number(&fixture, numbers[i]);
        fixture_set_number(&fixture, numbers[7 + i], 10);
        cr_assert_eq(overflow_count(&fixture), 0);
    }
    cr_expect_eq(fixture_levels(&fixture).items_count, 7);
    fixture_close(&fixture);
}

Test(index, meets_a_dead_item_alone_in_an_overflow_bucket) {
    struct fixture fixture = fixture_open();
    uint64_t numbers[8];
    char key[32];
    find_sharing(&fixture, 6, numbers, 8);
    for (unsigned i = 0; i < 8; i++) {
        fixture_set_number(&fixture, numbers[i], 10);
    }
    snprintf(key, sizeof(key), "key-%" PRIu64, numbers[7]);
    store_touch(fixture.worker, text(key), STORE_EXPIRED);
    cr_expect_eq(fixture_store(&fixture, PUT_ADD, key, "again"), STORE_OK);
    fixture_expect(&fixture, key, "again");
    cr_expect_eq(overflow_count(&fixture), 1);
    fixture_close(&fixture);
}

/*
 * --- the checker
 * ---------------------------------------------------------------------------------------------
 */

static _Atomic uint64_t *first_entry(struct store *store) {
    struct table *table = atomic_load(&store->index.table);
    for (uint64_t i = 0;; i++) {
        if (atomic_load(&table->buckets[i].entries[0]) != 0) {
            return &table->buckets[i].entries[0];
        }
    }
}

static void expect_noticed(struct fixture *fixture, _Atomic uint64_t *word, uint64_t spoilt) {
    uint64_t right = atomic_load(word);
    cr_assert(audit_index(fixture->store));
    atomic_store(word, spoilt);
    cr_expect_not(audit_index(fixture->store));
    atomic_store(word, right);
    cr_assert(audit_index(fixture->store));
}

Test(index, audit_notices_what_is_wrong) {
    struct fixture fixture = fixture_open();
    for (unsigned i = 0; i < 20; i++) {
        fixture_set_number(&fixture, i, 10);
    }
    _Atomic uint64_t *entry = first_entry(fixture.store);
    uint64_t right = atomic_load(entry);
    struct bucket *home = &atomic_load(&fixture.store->index.table)->buckets[0];
    expect_noticed(&fixture, entry, 0);                         /* an item is missing */
    expect_noticed(&fixture, entry, right ^ UINT64_C(1) << 50); /* another tag */
    expect_noticed(&fixture, entry + 1, right);                 /* twice */
    expect_noticed(&fixture, &home->header, BUCKET_LOCKED);     /* a lock was left */
    expect_noticed(&fixture, &home->header, BUCKET_MIGRATED);   /* out of turn */
    expect_noticed(&fixture, &fixture.store->growth.overflow_count, 1);
    fixture_close(&fixture);
}
