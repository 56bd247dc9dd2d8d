/* SPDX-License-Identifier: MIT
 *
 * bench_lookup: store_get for items that are there and for such that are not, in stores that fit the caches
 * and in one that does not, on 1, 2 and 4 threads, one by one and in batches whose buckets are fetched
 * beforehand (src/README.md, "Decisions": a turn has two phases).
 */
#include <stdio.h>

#include "groups.h"
#include "fixture.h"

enum {
    BATCH = 16, /* keys; as many as the protocol fetches ahead */
    VALUE_SIZE = 32,
    THREADS_MAX = 4,
};

/* Keys in order, one look-up after the other. */
static uint64_t single_run(void *state, uint64_t count) {
    struct fixture_thread *thread = state;
    uint64_t found = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct item_view view;
        found +=
            store_get(thread->worker, fixture_thread_key(thread), &view) == STORE_OK ? view.value.size : 1;
        if (i % FIXTURE_QUIESCENT_EVERY == 0) {
            fixture_thread_quiescent(thread);
        }
    }
    return found;
}

/* The same with BATCH keys at a time. */
static uint64_t batch_run(void *state, uint64_t count) {
    struct fixture_thread *thread = state;
    uint64_t found = 0;
    for (uint64_t i = 0; i < count; i += BATCH) {
        struct store_lookup lookups[BATCH];
        for (unsigned k = 0; k < BATCH; k++) {
            lookups[k].key = fixture_thread_key(thread);
        }
        store_lookup_prefetch(thread->worker, lookups, BATCH);
        store_lookup_run(thread->worker, lookups, BATCH);
        for (unsigned k = 0; k < BATCH; k++) {
            found += store_lookup_found(&lookups[k]) ? lookups[k].value.size : 1;
        }
        if (i % FIXTURE_QUIESCENT_EVERY == 0) {
            fixture_thread_quiescent(thread);
        }
    }
    return found;
}

/* One by one and in batches, on 1, 2 and 4 threads. */
static void look_up_measure(const struct stopwatch *stopwatch, struct fixture *fixture, const char *what) {
    for (unsigned threads = 1; threads <= THREADS_MAX; threads *= 2) {
        char name[96];
        const char *plural = threads > 1 ? "s" : "";
        struct subject subject = {.name = name,
                                  .threads = threads,
                                  .user = fixture,
                                  .begin = fixture_thread_begin,
                                  .run = single_run,
                                  .end = fixture_thread_end};
        snprintf(name, sizeof(name), "%s, %u thread%s", what, threads, plural);
        stopwatch_measure(stopwatch, &subject);
        subject.run = batch_run;
        snprintf(name, sizeof(name), "%s, %u thread%s, batches of %d", what, threads, plural, BATCH);
        stopwatch_measure(stopwatch, &subject);
    }
}

static void look_up_in(const struct stopwatch *stopwatch, uint64_t items_count, const char *size_name) {
    char name[64];
    if (!fixture_fits(items_count, VALUE_SIZE)) {
        printf("  %s items: left out, the machine has too little free memory\n", size_name);
        return;
    }
    struct fixture fixture;
    fixture_init(&fixture, items_count, VALUE_SIZE);
    fixture_draw(&fixture, true);
    snprintf(name, sizeof(name), "hit, %s items", size_name);
    look_up_measure(stopwatch, &fixture, name);
    fixture_draw(&fixture, false);
    snprintf(name, sizeof(name), "miss, %s items", size_name);
    look_up_measure(stopwatch, &fixture, name);
    fixture_deinit(&fixture);
}

void bench_lookup(const struct stopwatch *stopwatch) {
    static const struct {
        uint64_t items_count;
        const char *name;
    } sizes[] = {{1000, "1 k"}, {1000 * 1000, "1 M"}, {10 * 1000 * 1000, "10 M"}};
    stopwatch_head("look-up: store_get, keys of 16 bytes, values of 32");
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (sizes[i].items_count <= stopwatch->items_max) {
            look_up_in(stopwatch, sizes[i].items_count, sizes[i].name);
        }
    }
}
