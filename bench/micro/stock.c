/* SPDX-License-Identifier: MIT
 *
 * stock: see stock.h.
 */
#include "stock.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "riposte/clock.h"
#include "riposte/random.h"
#include "stopwatch.h"

enum {
    KEYS_COUNT_MIN = 1 << 16,
    KEYS_COUNT_MAX = 1 << 21, /* 32 MiB: far more of the stock than any cache holds */
    INDEX_SIZE_PER_ITEM = 32, /* bytes, while it grows too */
    MEMORY_SPARE = 64 << 20,
    GROWTH_STEPS_MAX = 10 * 1000 * 1000,
};

/* Bytes for the items, those replaced and not yet free again, and the index. */
static size_t stock_memory_size(uint64_t items_count, size_t value_size) {
    size_t charge = store_item_charge(STOCK_KEY_SIZE, value_size, false);
    return MEMORY_SPARE + (size_t)items_count * (charge + charge / 4 + INDEX_SIZE_PER_ITEM);
}

bool stock_fits(uint64_t items_count, size_t value_size) {
    size_t free_size = (size_t)sysconf(_SC_AVPHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    return stock_memory_size(items_count, value_size) < free_size / 2;
}

/* "key:" and the number with leading zeros. */
static void key_write(char *key, uint64_t number) {
    memcpy(key, "key:", 4);
    for (int i = STOCK_KEY_SIZE - 1; i >= 4; i--) {
        key[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

void visitor_put(struct visitor *visitor, struct bytes key) {
    struct item *item;
    size_t value_size = visitor->stock->value_size;
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

/*
 * The index grows in pieces, a piece at each quiescent state; look-ups are to be measured when it has grown.
 */
static void wait_for_growth(struct visitor *visitor) {
    for (unsigned i = 0; i < GROWTH_STEPS_MAX; i++) {
        visitor_quiescent(visitor);
        if (i % STOCK_QUIESCENT_EVERY == 0) {
            struct store_levels levels;
            store_stats(visitor->stock->store, &levels);
            if (!levels.index_growing) {
                return;
            }
        }
    }
    stopwatch_give_up("the index grows and grows");
}

static void stock_fill(struct stock *stock) {
    struct visitor *visitor = visitor_begin(stock, 0);
    for (uint64_t i = 0; i < stock->items_count; i++) {
        char key[STOCK_KEY_SIZE];
        key_write(key, i);
        visitor_put(visitor, bytes_of(key, sizeof(key)));
        if (i % STOCK_QUIESCENT_EVERY == 0) {
            visitor_quiescent(visitor);
        }
    }
    wait_for_growth(visitor);
    visitor_end(visitor);
    struct store_levels levels;
    store_stats(stock->store, &levels);
    if (levels.items_count != stock->items_count) {
        stopwatch_give_up("items were evicted while the store was filled");
    }
}

void stock_init(struct stock *stock, uint64_t items_count, size_t value_size) {
    struct store_config config = {
        .memory_size_max = stock_memory_size(items_count, value_size),
        .item_size_max = 1 << 20,
        .evict = true,
        .workers_max = STOPWATCH_THREADS_MAX,
        .hash_seed = random_seed(),
    };
    *stock =
        (struct stock){.items_count = items_count, .value_size = value_size, .keys_count = KEYS_COUNT_MIN};
    while (stock->keys_count < KEYS_COUNT_MAX && stock->keys_count < 4 * items_count) {
        stock->keys_count *= 2;
    }
    stock->keys = calloc(stock->keys_count, STOCK_KEY_SIZE);
    if (stock->keys == NULL || store_create(&config, &stock->store) != 0) {
        stopwatch_give_up("no memory for the store");
    }
    stock_fill(stock);
}

void stock_deinit(struct stock *stock) {
    store_destroy(stock->store);
    free(stock->keys);
}

void stock_draw(struct stock *stock, bool hit) {
    struct random random = {.state = 7};
    for (uint64_t i = 0; i < stock->keys_count; i++) {
        uint64_t number = random_below(&random, stock->items_count);
        key_write(stock->keys[i], hit ? number : stock->items_count + number);
    }
}

void *visitor_begin(void *user, unsigned thread_index) {
    const struct stock *stock = user;
    struct visitor *visitor = calloc(1, sizeof(*visitor));
    if (visitor == NULL) {
        stopwatch_give_up("no memory");
    }
    visitor->stock = stock;
    visitor->worker = store_worker_join(stock->store, clock_monotonic_ns());
    visitor->at = thread_index * (stock->keys_count / STOPWATCH_THREADS_MAX);
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
