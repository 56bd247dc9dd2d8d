/* SPDX-License-Identifier: MIT
 *
 * lookup: several keys at once are answered as store_get answers each.
 */
#include <stdlib.h>

#include "fixture.h"
#include "riposte/random.h"

enum { KEYS_COUNT = 40, LOOKUPS_MAX = 20, VALUE_SIZE_MAX = 20000 };

static void lookup_run(struct fixture *fixture, struct store_lookup *lookups, unsigned count) {
    store_lookup_prefetch(fixture->worker, lookups, count);
    store_lookup_run(fixture->worker, lookups, count);
}

/* What was found is what store_get finds, but for the use that has been counted. */
static void expect_same(struct fixture *fixture, const struct store_lookup *lookup) {
    struct item_view own, view;
    bool there = store_get(fixture->worker, lookup->key, &view) == STORE_OK;
    cr_assert_eq(store_lookup_found(lookup), there, "%.*s", (int)lookup->key.size, lookup->key.data);
    if (!there) {
        return;
    }
    store_lookup_view(fixture->worker, lookup, &own);
    cr_assert_eq(lookup->value.data, view.value.data);
    cr_assert_eq(lookup->value.size, view.value.size);
    cr_assert_eq(lookup->client_flags, view.client_flags);
    cr_assert_eq(memcmp(lookup->value.data + lookup->value.size, "\r\n", 2), 0);
    cr_assert_eq(own.value.data, view.value.data);
    cr_assert(bytes_equal(own.key, lookup->key));
    cr_assert(own.cas == view.cas && own.client_flags == view.client_flags && own.pin == view.pin);
    cr_assert(own.expires_tick == view.expires_tick && own.fetched);
}

Test(lookup, finds_those_that_are_there_and_no_others) {
    struct fixture fixture = fixture_open();
    struct store_lookup lookups[] = {
        {.key = text("a")}, {.key = text("none")}, {.key = text("b")}, {.key = text("a")}};
    fixture_set(&fixture, "a", "1");
    fixture_set(&fixture, "b", "");
    lookup_run(&fixture, lookups, 4);
    cr_expect(bytes_equal_string(lookups[0].value, "1"));
    cr_expect_not(store_lookup_found(&lookups[1]));
    cr_expect(store_lookup_found(&lookups[2]) && lookups[2].value.size == 0);
    cr_expect(bytes_equal_string(lookups[3].value, "1"));
    cr_expect_eq(lookups[2].hash, store_hash(fixture.worker, text("b")));
    fixture_close(&fixture);
}

Test(lookup, none_at_all_is_nothing) {
    struct fixture fixture = fixture_open();
    lookup_run(&fixture, NULL, 0);
    fixture_close(&fixture);
}

Test(lookup, counts_a_use_of_each) {
    struct fixture fixture = fixture_open();
    struct store_lookup lookups[] = {{.key = text("a")}, {.key = text("b")}};
    struct item_view view;
    fixture_set(&fixture, "a", "1");
    fixture_set(&fixture, "c", "1");
    lookup_run(&fixture, lookups, 2);
    store_lookup_view(fixture.worker, &lookups[0], &view);
    cr_expect(view.fetched);
    cr_expect_not(fixture_get(&fixture, "c").fetched);
    fixture_close(&fixture);
}

Test(lookup, meets_the_dead_as_store_get_does) {
    struct fixture fixture = fixture_open();
    struct store_lookup lookups[] = {{.key = text("mortal")}, {.key = text("forever")}};
    struct store_levels levels;
    uint32_t now_tick = store_now_tick(fixture.worker);
    fixture_set_expiring(&fixture, "mortal", "1", now_tick + 2);
    fixture_set(&fixture, "forever", "2");
    lookup_run(&fixture, lookups, 2);
    cr_expect(store_lookup_found(&lookups[0]) && store_lookup_found(&lookups[1]));
    fixture_turn(&fixture, 3000);
    lookup_run(&fixture, lookups, 2);
    cr_expect(!store_lookup_found(&lookups[0]) && store_lookup_found(&lookups[1]));
    store_stats(fixture.store, &levels);
    cr_expect_eq(levels.items_count, 1);
    cr_assert_eq(store_flush_prefix(fixture.worker, text("for")), STORE_OK);
    lookup_run(&fixture, lookups, 2);
    cr_expect_not(store_lookup_found(&lookups[1]));
    fixture_close(&fixture);
}

/* A number's key: short and long ones, alike at the beginning. */
static struct bytes key_of(char *key, uint64_t number) {
    memset(key, 'k', STORE_KEY_SIZE_MAX);
    key[0] = (char)('A' + number);
    return bytes_of(key, 1 + (size_t)(number * 31 % STORE_KEY_SIZE_MAX));
}

static void store_one(struct fixture *fixture, struct random *random) {
    static char value[VALUE_SIZE_MAX];
    char key[STORE_KEY_SIZE_MAX];
    size_t value_size =
        random_below(random, 4) == 0 ? random_below(random, VALUE_SIZE_MAX) : random_below(random, 40);
    uint32_t client_flags = random_below(random, 3) == 0 ? (uint32_t)random_next(random) : 0;
    uint32_t expires_tick = random_below(random, 3) == 0
                                ? store_now_tick(fixture->worker) + 1 + (uint32_t)random_below(random, 3)
                                : STORE_EXPIRES_NEVER;
    memset(value, (int)('a' + random_below(random, 26)), value_size);
    cr_assert_eq(fixture_set_at_once(fixture, key_of(key, random_below(random, KEYS_COUNT)),
                                     bytes_of(value, value_size), client_flags, expires_tick),
                 STORE_OK);
}

Test(lookup, says_what_store_get_says_at_random) {
    const char *given = getenv("RIPOSTE_SEED");
    struct random random = {.state = given != NULL ? strtoull(given, NULL, 10) : random_seed()};
    printf("RIPOSTE_SEED=%llu\n", (unsigned long long)random.state);
    struct fixture fixture = fixture_open();
    for (int round = 0; round < 2000; round++) {
        char keys[LOOKUPS_MAX][STORE_KEY_SIZE_MAX];
        struct store_lookup lookups[LOOKUPS_MAX];
        unsigned count = (unsigned)random_below(&random, LOOKUPS_MAX + 1);
        for (uint64_t stores = random_below(&random, 8); stores > 0; stores--) {
            store_one(&fixture, &random);
        }
        for (unsigned i = 0; i < count; i++) {
            lookups[i].key = key_of(keys[i], random_below(&random, KEYS_COUNT));
        }
        lookup_run(&fixture, lookups, count);
        for (unsigned i = 0; i < count; i++) {
            expect_same(&fixture, &lookups[i]);
        }
        fixture_turn(&fixture, random_below(&random, 700));
    }
    fixture_close(&fixture);
}

/* In a store so large that looking ahead does more than hash. */
Test(lookup, sees_what_has_changed_since_the_look_ahead) {
    enum { FILLED = 2500, NUMBERS = 3000, ROUNDS = 4000 };
    const char *given = getenv("RIPOSTE_SEED");
    struct random random = {.state = given != NULL ? strtoull(given, NULL, 10) : random_seed()};
    printf("RIPOSTE_SEED=%llu\n", (unsigned long long)random.state);
    struct fixture fixture = fixture_open();
    unsigned seen = 0;
    for (uint64_t number = 0; number < FILLED; number++) {
        cr_assert_eq(fixture_set_number(&fixture, number, 1), STORE_OK);
    }
    fixture_turn(&fixture, 1);
    cr_assert(store_prefetch_helps(fixture.worker));
    for (int round = 0; round < ROUNDS; round++) {
        char keys[LOOKUPS_MAX][32];
        struct store_lookup lookups[LOOKUPS_MAX];
        unsigned count = 2 + (unsigned)random_below(&random, LOOKUPS_MAX - 1);
        for (unsigned i = 0; i < count; i++) {
            lookups[i].key =
                bytes_of(keys[i], (size_t)snprintf(keys[i], sizeof(keys[i]), "key-%llu",
                                                   (unsigned long long)random_below(&random, NUMBERS)));
        }
        store_lookup_prefetch(fixture.worker, lookups, count);
        for (uint64_t changes = random_below(&random, 12); changes > 0; changes--) {
            struct bytes key = lookups[random_below(&random, count)].key;
            if (random_below(&random, 3) == 0) {
                store_delete(fixture.worker, key, NULL, NULL);
            } else {
                cr_assert_eq(fixture_set_at_once(&fixture, key, text("other"), 0, STORE_EXPIRES_NEVER),
                             STORE_OK);
            }
        }
        if (random_below(&random, 8) == 0) {
            fixture_turn(&fixture, 1); /* what was seen may be reused since */
        }
        store_lookup_run(fixture.worker, lookups, count);
        for (unsigned i = 0; i < count; i++) {
            seen += lookups[i].seen != NULL;
            expect_same(&fixture, &lookups[i]);
        }
    }
    cr_expect_gt(seen, ROUNDS);
    fixture_close(&fixture);
}
