/* SPDX-License-Identifier: MIT
 *
 * Two threads insert and delete their own keys while the index grows from 64 homes to tens of thousands;
 * two threads look them up, one by one and several at once.
 *
 * Checked: a writer finds each of its keys at every moment, with the version it stored last; a reader finds
 * every key below the mark that a writer has published; a walk during growth sees each key that was there
 * all the time exactly once.
 */
#include "torture.h"

enum { WRITERS = 2, KEYS = 60000, WALK_EVERY = 20000 };

struct growth_shared {
    _Atomic uint64_t stored_count[WRITERS]; /* keys 0 to n - 1 of a writer are there for good */
};

static uint64_t key_of(unsigned writer, uint64_t n) {
    return n * WRITERS + writer;
}

static void expect(struct torture_thread *thread, uint64_t number) {
    struct torture_key key;
    struct item_view view;
    torture_check(store_get(thread->worker, torture_key(&key, number), &view) == STORE_OK,
                  "key %" PRIu64 " was lost", number);
    torture_check(torture_read(view.value, number) >= number, "key %" PRIu64 " is older than it may be",
                  number);
}

/* Several of a writer's first `there` keys, looked for as a pipeline does; now and then much happens in between. */
static void expect_several(struct torture_thread *thread, unsigned writer, uint64_t there) {
    enum { LOOKUPS = 8 };
    struct torture_key keys[LOOKUPS];
    struct store_lookup lookups[LOOKUPS];
    uint64_t numbers[LOOKUPS];
    for (unsigned i = 0; i < LOOKUPS; i++) {
        numbers[i] = key_of(writer, random_below(&thread->random, there));
        lookups[i].key = torture_key(&keys[i], numbers[i]);
    }
    store_lookup_prefetch(thread->worker, lookups, LOOKUPS);
    torture_pause(thread);
    store_lookup_run(thread->worker, lookups, LOOKUPS);
    for (unsigned i = 0; i < LOOKUPS; i++) {
        torture_check(store_lookup_found(&lookups[i]), "key %" PRIu64 " was lost", numbers[i]);
        torture_check(torture_read(lookups[i].value, numbers[i]) >= numbers[i],
                      "key %" PRIu64 " is older than it may be", numbers[i]);
    }
}

/* A key that comes and goes at once, beside those that stay. */
static void come_and_go(struct torture_thread *thread, uint64_t n) {
    struct torture_key key;
    struct item_view view;
    const struct put_options set = {.mode = PUT_SET};
    uint64_t number = key_of(thread->index, n) + 50000000;
    torture_check(torture_put(thread, number, number, 0, &set, NULL) == STORE_OK, "no room");
    torture_check(store_delete(thread->worker, torture_key(&key, number), NULL, NULL) == STORE_OK,
                  "it went by itself");
    torture_check(store_get(thread->worker, torture_key(&key, number), &view) == STORE_MISS, "it came back");
}

static void write(struct torture_thread *thread) {
    struct growth_shared *shared = thread->torture->shared;
    const struct put_options set = {.mode = PUT_SET};
    for (uint64_t n = 0; n < KEYS * thread->torture->scale; n++) {
        uint64_t number = key_of(thread->index, n);
        torture_check(torture_put(thread, number, number, 0, &set, NULL) == STORE_OK, "no room");
        atomic_store_explicit(&shared->stored_count[thread->index], n + 1, memory_order_release);
        uint64_t old = key_of(thread->index, random_below(&thread->random, n + 1));
        expect(thread, old);
        if (n % 4 == 0) {
            torture_check(torture_put(thread, old, old + 1, 0, &set, NULL) == STORE_OK, "no room");
        }
        if (n % 8 == 0) {
            come_and_go(thread, n);
        }
        torture_pause(thread);
    }
}

static void count(void *user, const struct item_view *view) {
    unsigned char *seen = user;
    uint64_t number;
    torture_check(bytes_parse_u64(bytes_of(view->key.data + 4, view->key.size - 4), &number),
                  "a strange key");
    torture_read(view->value, number);
    if (number < 50000000) {
        seen[number]++;
    }
}

static void walk(struct torture_thread *thread, uint64_t keys_count) {
    struct growth_shared *shared = thread->torture->shared;
    unsigned char *seen = calloc(keys_count * WRITERS, 1);
    uint64_t there[WRITERS];
    for (unsigned writer = 0; writer < WRITERS; writer++) {
        there[writer] = atomic_load_explicit(&shared->stored_count[writer], memory_order_acquire);
    }
    struct store_cursor cursor = {0};
    while (!cursor.done) {
        store_walk(thread->worker, &cursor, 64, count, seen);
        torture_turn(thread);
    }
    for (unsigned writer = 0; writer < WRITERS; writer++) {
        for (uint64_t n = 0; n < there[writer]; n++) {
            torture_check(seen[key_of(writer, n)] == 1, "key %" PRIu64 " was seen %u times",
                          key_of(writer, n), seen[key_of(writer, n)]);
        }
    }
    free(seen);
}

static void read(struct torture_thread *thread) {
    struct growth_shared *shared = thread->torture->shared;
    uint64_t keys_count = (uint64_t)KEYS * thread->torture->scale;
    uint64_t looks_count = 0;
    for (unsigned writer = 0; writer < WRITERS;) {
        uint64_t there = atomic_load_explicit(&shared->stored_count[writer], memory_order_acquire);
        if (there != 0 && looks_count % 4 == 0) {
            expect_several(thread, writer, there);
        } else if (there != 0) {
            expect(thread, key_of(writer, random_below(&thread->random, there)));
        }
        if (++looks_count % WALK_EVERY == 0) {
            walk(thread, keys_count);
        }
        torture_pause(thread);
        if (there == keys_count) {
            writer++;
        }
    }
}

int main(int argument_count, char **arguments) {
    struct torture torture;
    struct growth_shared shared = {0};
    void (*const runs[])(struct torture_thread *) = {write, write, read, read};
    torture_open(&torture, argument_count, arguments, (size_t)1 << 30, true);
    torture.shared = &shared;
    torture_run(&torture, runs, 4);
    torture_close(&torture, "growth");
    return 0;
}
