/* SPDX-License-Identifier: MIT
 *
 * bench_put: a whole `set` at the store: an item made, filled and put in the place of the one before, whose
 * memory comes back after all threads have passed a quiescent state.
 */
#include <stdio.h>

#include "groups.h"
#include "fixture.h"

enum { THREADS_MAX = 4 };

static uint64_t put_run(void *state, uint64_t count) {
    struct fixture_thread *thread = state;
    for (uint64_t i = 0; i < count; i++) {
        fixture_thread_put(thread, fixture_thread_key(thread));
        if (i % FIXTURE_QUIESCENT_EVERY == 0) {
            fixture_thread_quiescent(thread);
        }
    }
    return thread->at;
}

static void put_measure(const struct stopwatch *stopwatch, uint64_t items_count, size_t value_size) {
    struct fixture fixture;
    fixture_init(&fixture, items_count, value_size);
    fixture_draw(&fixture, true);
    for (unsigned threads = 1; threads <= THREADS_MAX; threads *= 2) {
        char name[96];
        snprintf(name, sizeof(name), "set %zu bytes over %llu k items, %u thread%s", value_size,
                 (unsigned long long)items_count / 1000, threads, threads > 1 ? "s" : "");
        stopwatch_measure(stopwatch, &(struct subject){.name = name,
                                                       .threads = threads,
                                                       .user = &fixture,
                                                       .begin = fixture_thread_begin,
                                                       .run = put_run,
                                                       .end = fixture_thread_end});
    }
    fixture_deinit(&fixture);
}

void bench_put(const struct stopwatch *stopwatch) {
    stopwatch_head("put: store_item_create, fill, store_put, keys of 16 bytes");
    put_measure(stopwatch, 1000, 32);
    put_measure(stopwatch, 100 * 1000, 32);
    put_measure(stopwatch, 100 * 1000, 1024);
    if (stopwatch->items_max >= 1000 * 1000) {
        put_measure(stopwatch, 1000 * 1000, 32);
    }
}
