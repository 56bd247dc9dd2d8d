/* SPDX-License-Identifier: MIT
 *
 * shelf: see shelf.h.
 */
#include "shelf.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "riposte/clock.h"
#include "riposte/random.h"
#include "stopwatch.h"

enum {
    KEYS_COUNT_MIN = 1 << 16,
    KEYS_COUNT_MAX = 1 << 21, /* 32 MiB: far more of the shelf than any cache holds */
    INDEX_SIZE_PER_ITEM = 32, /* bytes, while it grows too */
    MEMORY_SPARE = 64 << 20,
    GROWTH_STEPS_MAX = 10 * 1000 * 1000,
};

/* Bytes for the items, those replaced and not yet free again, and the index. */
static size_t shelf_memory_size(uint64_t items_count, size_t value_size) {
    size_t charge = store_item_charge(SHELF_KEY_SIZE, value_size, false);
    return MEMORY_SPARE + (size_t)items_count * (charge + charge / 4 + INDEX_SIZE_PER_ITEM);
}

bool shelf_fits(uint64_t items_count, size_t value_size) {
    size_t free_size = (size_t)sysconf(_SC_AVPHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    return shelf_memory_size(items_count, value_size) < free_size / 2;
}

/* "key:" and the number with leading zeros. */
static void key_write(char *key, uint64_t number) {
    memcpy(key, "key:", 4);
    for (int i = SHELF_KEY_SIZE - 1; i >= 4; i--) {
        key[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

void visitor_put(struct visitor *visitor, struct bytes key) {
    struct item *item;
    size_t value_size = visitor->shelf->value_size;
    enum store_status status =
        store_item_create(visitor->worker, key, false, 0, STORE_EXPIRES_NEVER, value_size, &item);
    if (status != STORE_OK) {
        stopwatch_give_up("the store is full");
    }
    memset(store_item_value(item), 'v', value_size);
    static const struct put_options set = {.mode = PUT_SET};
    status = store_put(visitor->worker, item, &set, NULL);
    assert(status == STORE_OK);
}

void visitor_quiescent(struct visitor *visitor) {
    store_quiescent(visitor->worker, clock_monotonic_ns());
}

/* The index grows in pieces, a piece at each quiescent state; look-ups are to be measured when it has grown. */
static void wait_for_growth(struct visitor *visitor) {
    for (unsigned i = 0; i < GROWTH_STEPS_MAX; i++) {
        visitor_quiescent(visitor);
        if (i % SHELF_QUIESCENT_EVERY == 0) {
            struct store_levels levels;
            store_stats(visitor->shelf->store, &levels);
            if (!levels.index_growing) {
                return;
            }
        }
    }
    stopwatch_give_up("the index grows and grows");
}

static void shelf_fill(struct shelf *shelf) {
    struct visitor *visitor = visitor_begin(shelf, 0);
    for (uint64_t i = 0; i < shelf->items_count; i++) {
        char key[SHELF_KEY_SIZE];
        key_write(key, i);
        visitor_put(visitor, bytes_of(key, sizeof(key)));
        if (i % SHELF_QUIESCENT_EVERY == 0) {
            visitor_quiescent(visitor);
        }
    }
    wait_for_growth(visitor);
    visitor_end(visitor);
    struct store_levels levels;
    store_stats(shelf->store, &levels);
    if (levels.items_count != shelf->items_count) {
        stopwatch_give_up("items were evicted while the store was filled");
    }
}

void shelf_init(struct shelf *shelf, uint64_t items_count, size_t value_size) {
    struct store_config config = {
        .memory_size_max = shelf_memory_size(items_count, value_size),
        .item_size_max = 1 << 20,
        .evict = true,
        .workers_max = STOPWATCH_THREADS_MAX,
        .hash_seed = random_seed(),
    };
    *shelf =
        (struct shelf){.items_count = items_count, .value_size = value_size, .keys_count = KEYS_COUNT_MIN};
    while (shelf->keys_count < KEYS_COUNT_MAX && shelf->keys_count < 4 * items_count) {
        shelf->keys_count *= 2;
    }
    shelf->keys = calloc(shelf->keys_count, SHELF_KEY_SIZE);
    if (shelf->keys == NULL || store_create(&config, &shelf->store) != 0) {
        stopwatch_give_up("no memory for the store");
    }
    shelf_fill(shelf);
}

void shelf_deinit(struct shelf *shelf) {
    store_destroy(shelf->store);
    free(shelf->keys);
}

void shelf_draw(struct shelf *shelf, bool hit) {
    struct random random = {.state = 7};
    for (uint64_t i = 0; i < shelf->keys_count; i++) {
        uint64_t number = random_below(&random, shelf->items_count);
        key_write(shelf->keys[i], hit ? number : shelf->items_count + number);
    }
}

void *visitor_begin(void *user, unsigned thread_index) {
    const struct shelf *shelf = user;
    struct visitor *visitor = calloc(1, sizeof(*visitor));
    if (visitor == NULL) {
        stopwatch_give_up("no memory");
    }
    visitor->shelf = shelf;
    visitor->worker = store_worker_join(shelf->store, clock_monotonic_ns());
    visitor->at = thread_index * (shelf->keys_count / STOPWATCH_THREADS_MAX);
    if (visitor->worker == NULL) {
        stopwatch_give_up("no room for another thread at the store");
    }
    return visitor;
}

void visitor_end(void *state) {
    struct visitor *visitor = state;
    store_worker_leave(visitor->worker);
    free(visitor);
}
