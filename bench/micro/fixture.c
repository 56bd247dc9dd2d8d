/* SPDX-License-Identifier: MIT
 *
 * fixture: makes a store, fills it and waits until its index has grown; writes keys down beforehand.
 */
#include "fixture.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "riposte/clock.h"
#include "riposte/random.h"
#include "stopwatch.h"

enum {
    KEYS_COUNT_MIN = 1 << 16,
    KEYS_COUNT_MAX = 1 << 21, /* 32 MiB: far more items than any cache holds */
    INDEX_SIZE_PER_ITEM = 32, /* bytes, while it grows too */
    MEMORY_SPARE = 64 << 20,
    GROWTH_STEPS_MAX = 10 * 1000 * 1000,
};

/* Bytes for the items, those replaced and not yet free again, and the index. */
static size_t fixture_memory_size(uint64_t items_count, size_t value_size) {
    size_t charge = store_item_charge(FIXTURE_KEY_SIZE, value_size, false);
    return MEMORY_SPARE + (size_t)items_count * (charge + charge / 4 + INDEX_SIZE_PER_ITEM);
}

bool fixture_fits(uint64_t items_count, size_t value_size) {
    size_t free_size = (size_t)sysconf(_SC_AVPHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    return fixture_memory_size(items_count, value_size) < free_size / 2;
}

/* "key:" and the number with leading zeros. */
static void key_write(char *key, uint64_t number) {
    memcpy(key, "key:", 4);
    for (int i = FIXTURE_KEY_SIZE - 1; i >= 4; i--) {
        key[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

void fixture_thread_put(struct fixture_thread *thread, struct bytes key) {
    struct item *item;
    size_t value_size = thread->fixture->value_size;
    enum store_status status =
        store_item_create(thread->worker, key, false, 0, STORE_EXPIRES_NEVER, value_size, &item);
    if (status != STORE_OK) {
        stopwatch_give_up("the store is full");
    }
    memset(store_item_value(item), 'v', value_size);
    static const struct put_options set = {.mode = PUT_SET};
    status = store_put(thread->worker, &item, &set, NULL);
    assert(status == STORE_OK);
}

void fixture_thread_quiescent(struct fixture_thread *thread) {
    store_quiescent(thread->worker, clock_monotonic_ns());
}

/*
 * The index grows in pieces, a piece at each quiescent state; look-ups are to be measured when it has grown.
 */
static void wait_for_growth(struct fixture_thread *thread) {
    for (unsigned i = 0; i < GROWTH_STEPS_MAX; i++) {
        fixture_thread_quiescent(thread);
        if (i % FIXTURE_QUIESCENT_EVERY == 0) {
            struct store_levels levels;
            store_stats(thread->fixture->store, &levels);
            if (!levels.index_growing) {
                return;
            }
        }
    }
    stopwatch_give_up("the index grows and grows");
}

static void fixture_fill(struct fixture *fixture) {
    struct fixture_thread *thread = fixture_thread_begin(fixture, 0);
    for (uint64_t i = 0; i < fixture->items_count; i++) {
        char key[FIXTURE_KEY_SIZE];
        key_write(key, i);
        fixture_thread_put(thread, bytes_of(key, sizeof(key)));
        if (i % FIXTURE_QUIESCENT_EVERY == 0) {
            fixture_thread_quiescent(thread);
        }
    }
    wait_for_growth(thread);
    fixture_thread_end(thread);
    struct store_levels levels;
    store_stats(fixture->store, &levels);
    if (levels.items_count != fixture->items_count) {
        stopwatch_give_up("items were evicted while the store was filled");
    }
}

void fixture_init(struct fixture *fixture, uint64_t items_count, size_t value_size) {
    struct store_config config = {
        .memory_size_max = fixture_memory_size(items_count, value_size),
        .item_size_max = 1 << 20,
        .evict = true,
        .workers_max = STOPWATCH_THREADS_MAX,
        .hash_seed = random_seed(),
    };
    *fixture =
        (struct fixture){.items_count = items_count, .value_size = value_size, .keys_count = KEYS_COUNT_MIN};
    while (fixture->keys_count < KEYS_COUNT_MAX && fixture->keys_count < 4 * items_count) {
        fixture->keys_count *= 2;
    }
    fixture->keys = calloc(fixture->keys_count, FIXTURE_KEY_SIZE);
    if (fixture->keys == NULL || store_create(&config, &fixture->store) != 0) {
        stopwatch_give_up("no memory for the store");
    }
    fixture_fill(fixture);
}

void fixture_deinit(struct fixture *fixture) {
    store_destroy(fixture->store);
    free(fixture->keys);
}

void fixture_draw(struct fixture *fixture, bool hit) {
    struct random random = {.state = 7};
    for (uint64_t i = 0; i < fixture->keys_count; i++) {
        uint64_t number = random_below(&random, fixture->items_count);
        key_write(fixture->keys[i], hit ? number : fixture->items_count + number);
    }
}

void fixture_draw_halves(struct fixture *fixture) {
    struct random random = {.state = 7};
    for (uint64_t i = 0; i < fixture->keys_count; i++) {
        uint64_t number = random_below(&random, fixture->items_count / 2) * 2;
        key_write(fixture->keys[i], number + (i >= fixture->keys_count / 2));
    }
}

void *fixture_thread_begin(void *user, unsigned thread_index) {
    const struct fixture *fixture = user;
    struct fixture_thread *thread = calloc(1, sizeof(*thread));
    if (thread == NULL) {
        stopwatch_give_up("no memory");
    }
    thread->fixture = fixture;
    thread->worker = store_worker_join(fixture->store, clock_monotonic_ns());
    thread->at = thread_index * (fixture->keys_count / STOPWATCH_THREADS_MAX);
    if (thread->worker == NULL) {
        stopwatch_give_up("no room for another thread at the store");
    }
    return thread;
}

void fixture_thread_end(void *state) {
    struct fixture_thread *thread = state;
    store_worker_leave(thread->worker);
    free(thread);
}
