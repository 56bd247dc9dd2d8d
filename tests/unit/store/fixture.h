/* SPDX-License-Identifier: MIT
 *
 * fixture: a store with one worker and a clock that the test moves by hand, and the operations in one line
 * each.
 */
#ifndef RIPOSTE_TEST_STORE_FIXTURE_H
#define RIPOSTE_TEST_STORE_FIXTURE_H

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "index.h"
#include "riposte/clock.h"
#include "riposte/random.h"
#include "riposte/store.h"

enum { FIXTURE_MIB = 1024 * 1024 };

struct fixture {
    struct store *store;
    struct store_worker *worker;
    uint64_t now_ns;
};

static inline struct store_config fixture_config(void) {
    return (struct store_config){.memory_size_max = 16 * FIXTURE_MIB,
                                 .item_size_max = FIXTURE_MIB,
                                 .evict = true,
                                 .workers_max = 4,
                                 .hash_seed = 1,
                                 .index_power_min = 6};
}

static inline struct fixture fixture_open_with(struct store_config config) {
    struct fixture fixture = {.now_ns = 1000 * CLOCK_NS_PER_S};
    cr_assert_eq(store_create(&config, &fixture.store), 0);
    fixture.worker = store_worker_join(fixture.store, fixture.now_ns);
    cr_assert_not_null(fixture.worker);
    return fixture;
}

static inline struct fixture fixture_open(void) {
    return fixture_open_with(fixture_config());
}

/* Also the check that nothing leaked: store_destroy asserts that every charged byte came back. */
static inline void fixture_close(struct fixture *fixture) {
    cr_expect(index_check(fixture->store));
    store_worker_leave(fixture->worker);
    store_destroy(fixture->store);
}

/* A turn `ms` later; returns what store_quiescent said. */
static inline unsigned fixture_turn(struct fixture *fixture, uint64_t ms) {
    fixture->now_ns += ms * CLOCK_NS_PER_MS;
    return store_quiescent(fixture->worker, fixture->now_ns);
}

static inline struct bytes text(const char *string) {
    return bytes_from_string(string);
}

/* Stores with everything said. */
static inline enum store_status fixture_put(struct fixture *fixture, struct bytes key, struct bytes value,
                                            uint32_t client_flags, uint32_t expires_tick,
                                            const struct put_options *options, struct put_result *result) {
    struct item *item;
    enum store_status status =
        store_item_create(fixture->worker, key, false, client_flags, expires_tick, value.size, &item);
    if (status != STORE_OK) {
        return status;
    }
    if (value.size != 0) {
        memcpy(store_item_value(item), value.data, value.size);
    }
    status = store_put(fixture->worker, &item, options, result);
    if (status == STORE_NO_MEMORY) {
        store_item_discard(fixture->worker, item);
    }
    return status;
}

static inline enum store_status fixture_store(struct fixture *fixture, enum put_mode mode, const char *key,
                                              const char *value) {
    const struct put_options options = {.mode = mode};
    return fixture_put(fixture, text(key), text(value), 0, STORE_EXPIRES_NEVER, &options, NULL);
}

static inline enum store_status fixture_set(struct fixture *fixture, const char *key, const char *value) {
    return fixture_store(fixture, PUT_SET, key, value);
}

static inline enum store_status fixture_set_expiring(struct fixture *fixture, const char *key,
                                                     const char *value, uint32_t expires_tick) {
    const struct put_options options = {.mode = PUT_SET};
    return fixture_put(fixture, text(key), text(value), 0, expires_tick, &options, NULL);
}

/* In one step. */
static inline enum store_status fixture_set_at_once(struct fixture *fixture, struct bytes key,
                                                    struct bytes value, uint32_t client_flags,
                                                    uint32_t expires_tick) {
    const struct store_record set = {.key = key,
                                     .value = value,
                                     .hash = store_hash(fixture->worker, key),
                                     .client_flags = client_flags,
                                     .expires_tick = expires_tick};
    return store_set(fixture->worker, &set);
}

/* A key and a value made from a number: "key-17" with `value_size` bytes; every other one in one step. */
static inline enum store_status fixture_set_number(struct fixture *fixture, uint64_t number,
                                                   size_t value_size) {
    const struct put_options options = {.mode = PUT_SET};
    char key[32];
    int key_size = snprintf(key, sizeof(key), "key-%" PRIu64, number);
    char *value = malloc(value_size + 1);
    memset(value, 'a' + (int)(number % 26), value_size);
    struct bytes key_bytes = bytes_of(key, (size_t)key_size), value_bytes = bytes_of(value, value_size);
    enum store_status status =
        number % 2 == 0 ? fixture_put(fixture, key_bytes, value_bytes, 0, STORE_EXPIRES_NEVER, &options, NULL)
                        : fixture_set_at_once(fixture, key_bytes, value_bytes, 0, STORE_EXPIRES_NEVER);
    free(value);
    return status;
}

static inline enum store_status fixture_get_number(struct fixture *fixture, uint64_t number,
                                                   struct item_view *view) {
    char key[32];
    int key_size = snprintf(key, sizeof(key), "key-%" PRIu64, number);
    return store_get(fixture->worker, bytes_of(key, (size_t)key_size), view);
}

static inline struct item_view fixture_get(struct fixture *fixture, const char *key) {
    struct item_view view = {0};
    enum store_status status = store_get(fixture->worker, text(key), &view);
    cr_assert_eq(status, STORE_OK, "%s is not there", key);
    return view;
}

static inline bool fixture_has(struct fixture *fixture, const char *key) {
    struct item_view view;
    return store_get(fixture->worker, text(key), &view) == STORE_OK;
}

static inline void fixture_expect(struct fixture *fixture, const char *key, const char *value) {
    struct item_view view = fixture_get(fixture, key);
    cr_expect(bytes_equal_string(view.value, value), "%s is \"%.*s\", not \"%s\"", key, (int)view.value.size,
              view.value.data, value);
    cr_expect(memcmp(view.value.data + view.value.size, "\r\n", 2) == 0);
}

static inline struct store_levels fixture_levels(const struct fixture *fixture) {
    struct store_levels levels;
    store_stats(fixture->store, &levels);
    cr_assert_leq(levels.memory_size, levels.memory_size_max);
    return levels;
}

/* The sum of one counter, by its name. */
#define fixture_count(fixture, name)                                                                         \
    ({                                                                                                       \
        struct store_levels levels_of_count = fixture_levels(fixture);                                       \
        counter_read(&levels_of_count.sums.name);                                                            \
    })

/*
 * The seed of a random test: RIPOSTE_SEED, or a new one; printed either way so that a failure can be had
 * again.
 */
static inline struct random fixture_random(void) {
    const char *given = getenv("RIPOSTE_SEED");
    uint64_t seed;
    if (given == NULL || !bytes_parse_u64(text(given), &seed)) {
        seed = random_seed();
    }
    fprintf(stderr, "RIPOSTE_SEED=%" PRIu64 "\n", seed);
    return (struct random){.state = seed};
}

#endif
