/* SPDX-License-Identifier: MIT
 *
 * bench_writers: what two threads that store at once cost one another. Two CPUs are not twice one: they share a last cache, memory
 * and perhaps a core. So two threads that share a store are compared with two that have a store each, of half the items, which
 * share nothing that the store could help; the difference is the store's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "groups.h"
#include "fixture.h"

enum { WRITERS_ITEMS = 1000 * 1000, WRITERS_VALUE_SIZE = 100, WRITERS_ROUNDS = 9 };

/* Keys that threads store; of a fixture each. */
enum writers_way { ONE_THREAD, STORE_EACH, OWN_KEYS, SAME_KEYS, WRITERS_WAYS_COUNT };

static const char *const names[WRITERS_WAYS_COUNT] = {
    [ONE_THREAD] = "one thread",
    [STORE_EACH] = "two threads, a store each",
    [OWN_KEYS] = "two threads, one store, keys of their own",
    [SAME_KEYS] = "two threads, one store, the same keys",
};

struct writers {
    struct fixture whole, halves[2];
    enum writers_way way;
};

struct writer {
    struct fixture_thread *thread;
    uint64_t first, mask; /* it draws its keys from keys[first] on */
    uint64_t at;
};

static void *writer_begin(void *user, unsigned thread_index) {
    struct writers *writers = user;
    struct writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        stopwatch_give_up("no memory");
    }
    struct fixture *fixture = writers->way == STORE_EACH ? &writers->halves[thread_index] : &writers->whole;
    uint64_t half = fixture->keys_count / 2;
    writer->thread = fixture_thread_begin(fixture, thread_index);
    writer->mask = writers->way == OWN_KEYS ? half - 1 : fixture->keys_count - 1;
    writer->first = writers->way == OWN_KEYS ? thread_index * half : 0;
    writer->at = thread_index * half;
    return writer;
}

static uint64_t writer_run(void *state, uint64_t count) {
    struct writer *writer = state;
    const struct fixture *fixture = writer->thread->fixture;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = writer->first + (writer->at++ & writer->mask);
        fixture_thread_put(writer->thread, bytes_of(fixture->keys[number], FIXTURE_KEY_SIZE));
        if (i % FIXTURE_QUIESCENT_EVERY == 0) {
            fixture_thread_quiescent(writer->thread);
        }
    }
    return writer->at;
}

static void writer_end(void *state) {
    struct writer *writer = state;
    fixture_thread_end(writer->thread);
    free(writer);
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

static double median(double figures[WRITERS_ROUNDS]) {
    qsort(figures, WRITERS_ROUNDS, sizeof(figures[0]), compare);
    return figures[WRITERS_ROUNDS / 2];
}

/* All ways in each round, one after the other: what else the machine does meets them alike. */
static void writers_measure(const struct stopwatch *stopwatch, struct writers *writers) {
    double costs[WRITERS_WAYS_COUNT][WRITERS_ROUNDS], ratios[WRITERS_WAYS_COUNT][WRITERS_ROUNDS];
    for (unsigned round = 0; round < WRITERS_ROUNDS; round++) {
        for (unsigned way = 0; way < WRITERS_WAYS_COUNT; way++) {
            writers->way = (enum writers_way)way;
            costs[way][round] =
                stopwatch_run(stopwatch, &(struct subject){.name = names[way],
                                                           .threads = way == ONE_THREAD ? 1 : 2,
                                                           .user = writers,
                                                           .begin = writer_begin,
                                                           .run = writer_run,
                                                           .end = writer_end});
        }
        for (unsigned way = 0; way < WRITERS_WAYS_COUNT; way++) {
            ratios[way][round] = costs[way][round] / costs[STORE_EACH][round];
        }
    }
    for (unsigned way = 0; way < WRITERS_WAYS_COUNT; way++) {
        printf("  %-56s %9.1f  %9.2f\n", names[way], median(costs[way]), median(ratios[way]));
    }
}

void bench_writers(const struct stopwatch *stopwatch) {
    struct writers writers;
    printf("\n%-58s %9s  %9s\n", "writers: sets of 100 bytes over 1 M items", "ns/op", "to a store each");
    fixture_init(&writers.whole, WRITERS_ITEMS, WRITERS_VALUE_SIZE);
    fixture_draw_halves(&writers.whole);
    for (unsigned i = 0; i < 2; i++) {
        fixture_init(&writers.halves[i], WRITERS_ITEMS / 2, WRITERS_VALUE_SIZE);
        fixture_draw(&writers.halves[i], true);
    }
    writers_measure(stopwatch, &writers);
    for (unsigned i = 0; i < 2; i++) {
        fixture_deinit(&writers.halves[i]);
    }
    fixture_deinit(&writers.whole);
}
