/* SPDX-License-Identifier: MIT
 *
 * torture: what the race programs share: threads with a worker each, a clock, and values that prove
 * themselves.
 *
 * Plain programs, because Criterion does not start under ThreadSanitizer. A program ends with 0, or says
 * what was wrong and aborts; ThreadSanitizer makes it end with 66. The argument multiplies the work
 * (default 1). Randomness comes from RIPOSTE_SEED or a fresh seed, printed; threads make a run not
 * repeatable, but the same seed at least tries the same operations.
 */
#ifndef RIPOSTE_TORTURE_H
#define RIPOSTE_TORTURE_H

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "riposte/bytes.h"
#include "riposte/clock.h"
#include "riposte/random.h"
#include "riposte/store.h"

enum { TORTURE_THREADS = 4, TORTURE_KEY_SIZE = 16, TORTURE_VALUE_SIZE_MAX = 4000 };

#define torture_check(condition, ...)                                                                        \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                                  \
            fprintf(stderr, __VA_ARGS__);                                                                    \
            fprintf(stderr, "\n");                                                                           \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

struct torture {
    struct store *store;
    uint64_t seed;
    unsigned scale;            /* the program's argument */
    _Atomic uint64_t now_ns;   /* moved on by every turn of every thread */
    pthread_barrier_t barrier; /* of all threads */
    void *shared;              /* of the program */
};

struct torture_thread {
    struct torture *torture;
    pthread_t thread;
    unsigned index;
    struct store_worker *worker; /* of the thread's own, from start to end */
    struct random random;
    void (*run)(struct torture_thread *thread);
};

static inline void torture_turn(struct torture_thread *thread) {
    uint64_t now_ns =
        atomic_fetch_add_explicit(&thread->torture->now_ns, 100 * CLOCK_NS_PER_US, memory_order_relaxed);
    store_quiescent(thread->worker, now_ns);
}

static inline void torture_sleep(struct torture_thread *thread) {
    store_offline(thread->worker);
    sched_yield();
    store_online(thread->worker, atomic_load_explicit(&thread->torture->now_ns, memory_order_relaxed));
}

/* What a worker's loop does between requests: mostly a turn, at times a nap. */
static inline void torture_pause(struct torture_thread *thread) {
    if (random_below(&thread->random, 16) == 0) {
        torture_turn(thread);
    }
    if (random_below(&thread->random, 256) == 0) {
        torture_sleep(thread);
    }
}

static void *torture_main(void *argument) {
    struct torture_thread *thread = argument;
    thread->worker = store_worker_join(thread->torture->store, atomic_load(&thread->torture->now_ns));
    torture_check(thread->worker != NULL, "thread %u did not get in", thread->index);
    pthread_barrier_wait(
        &thread->torture->barrier); /* all are in before the first may make the store smaller */
    thread->run(thread);
    store_worker_leave(thread->worker);
    return NULL;
}

static inline uint64_t torture_seed(void) {
    const char *given = getenv("RIPOSTE_SEED");
    uint64_t seed;
    if (given == NULL || !bytes_parse_u64(bytes_from_string(given), &seed)) {
        seed = random_seed();
    }
    printf("RIPOSTE_SEED=%" PRIu64 "\n", seed);
    return seed;
}

static inline unsigned torture_scale(int argument_count, char **arguments) {
    uint32_t scale = 1;
    if (argument_count > 1) {
        torture_check(bytes_parse_u32(bytes_from_string(arguments[1]), &scale), "how much work? %s",
                      arguments[1]);
    }
    return scale;
}

static inline void torture_open(struct torture *torture, int argument_count, char **arguments,
                                size_t memory_size_max, bool evict) {
    const struct store_config config = {.memory_size_max = memory_size_max,
                                        .item_size_max = 8192,
                                        .evict = evict,
                                        .workers_max = TORTURE_THREADS + 1,
                                        .hash_seed = torture_seed(),
                                        .index_power_min = 6};
    *torture = (struct torture){.seed = config.hash_seed, .scale = torture_scale(argument_count, arguments)};
    atomic_init(&torture->now_ns, CLOCK_NS_PER_S);
    torture_check(store_create(&config, &torture->store) == 0, "no store");
    pthread_barrier_init(&torture->barrier, NULL, TORTURE_THREADS);
}

/* Thread i runs runs[i % runs_count]; returns when all have ended. */
static inline void torture_run(struct torture *torture, void (*const *runs)(struct torture_thread *),
                               unsigned runs_count) {
    struct torture_thread threads[TORTURE_THREADS];
    for (unsigned i = 0; i < TORTURE_THREADS; i++) {
        threads[i] = (struct torture_thread){.torture = torture,
                                             .index = i,
                                             .random = {.state = torture->seed + i},
                                             .run = runs[i % runs_count]};
        torture_check(pthread_create(&threads[i].thread, NULL, torture_main, &threads[i]) == 0, "no thread");
    }
    for (unsigned i = 0; i < TORTURE_THREADS; i++) {
        pthread_join(threads[i].thread, NULL);
    }
}

static inline void torture_close(struct torture *torture, const char *name) {
    struct store_levels levels;
    store_stats(torture->store, &levels);
    printf("%s: %" PRIu64 " stored, %" PRIu64 " evicted, %" PRIu64 " swept, %" PRIu64
           " waits for a lock, %" PRIu64 " out of memory, 2^%u homes, epoch %" PRIu64 "\n",
           name, counter_read(&levels.sums.items_added), counter_read(&levels.sums.evictions),
           counter_read(&levels.sums.swept), counter_read(&levels.sums.lock_waits),
           counter_read(&levels.sums.no_memory), levels.index_power, levels.epoch);
    torture_check(levels.memory_size <= levels.memory_size_max, "above the limit");
    pthread_barrier_destroy(&torture->barrier);
    store_destroy(torture->store); /* checks the index, and that every byte came back */
}

/*
 * --- keys and values
 * -----------------------------------------------------------------------------------------
 */

struct torture_key {
    char text[TORTURE_KEY_SIZE];
};

static inline struct bytes torture_key(struct torture_key *key, uint64_t number) {
    int size = snprintf(key->text, sizeof(key->text), "key-%" PRIu64, number % 100000000);
    return bytes_of(key->text, (size_t)size);
}

/* A value begins with this, the rest is filler derived from it: torn or recycled memory does not pass. */
struct torture_stamp {
    uint64_t key_number;
    uint64_t version;
    uint64_t value_size;
    uint64_t checksum;
};

static inline uint64_t torture_checksum(const struct torture_stamp *stamp) {
    struct random random = {.state = stamp->key_number * 31 + stamp->version * 7 + stamp->value_size};
    return random_next(&random);
}

static inline void torture_write(char *value, size_t value_size, uint64_t key_number, uint64_t version) {
    struct torture_stamp stamp = {.key_number = key_number, .version = version, .value_size = value_size};
    stamp.checksum = torture_checksum(&stamp);
    memcpy(value, &stamp, sizeof(stamp));
    memset(value + sizeof(stamp), (int)(stamp.checksum & 0xff), value_size - sizeof(stamp));
}

/* Checks every byte and returns the version. */
static inline uint64_t torture_read(struct bytes value, uint64_t key_number) {
    struct torture_stamp stamp;
    torture_check(value.size >= sizeof(stamp), "a value of %zu bytes", value.size);
    memcpy(&stamp, value.data, sizeof(stamp));
    torture_check(stamp.key_number == key_number, "the value of key %" PRIu64 " at key %" PRIu64,
                  stamp.key_number, key_number);
    torture_check(stamp.value_size == value.size && stamp.checksum == torture_checksum(&stamp),
                  "a torn value at key %" PRIu64, key_number);
    for (size_t i = sizeof(stamp); i < value.size; i++) {
        torture_check(value.data[i] == (char)(stamp.checksum & 0xff),
                      "a torn value at key %" PRIu64 ", byte %zu", key_number, i);
    }
    torture_check(memcmp(value.data + value.size, "\r\n", 2) == 0, "no line end at key %" PRIu64, key_number);
    return stamp.version;
}

static inline size_t torture_value_size(struct torture_thread *thread) {
    size_t above =
        random_below(&thread->random, 16) == 0 ? TORTURE_VALUE_SIZE_MAX - sizeof(struct torture_stamp) : 100;
    return sizeof(struct torture_stamp) + random_below(&thread->random, above);
}

/* The same in one step; for a plain set. */
static inline enum store_status torture_set(struct torture_thread *thread, uint64_t key_number,
                                            uint64_t version, uint32_t expires_tick, size_t value_size) {
    struct torture_key key;
    char value[TORTURE_VALUE_SIZE_MAX];
    torture_write(value, value_size, key_number, version);
    const struct store_record set = {.key = torture_key(&key, key_number),
                                     .value = bytes_of(value, value_size),
                                     .hash = store_hash(thread->worker, torture_key(&key, key_number)),
                                     .client_flags = (uint32_t)(version & 1),
                                     .expires_tick = expires_tick};
    return store_set(thread->worker, &set);
}

/* Stores a proving value. */
static inline enum store_status torture_put(struct torture_thread *thread, uint64_t key_number,
                                            uint64_t version, uint32_t expires_tick,
                                            const struct put_options *options, struct put_result *result) {
    struct torture_key key;
    struct item *item;
    size_t value_size = torture_value_size(thread);
    bool is_plain = options->mode == PUT_SET && !options->compare && options->cas_new == 0 && result == NULL;
    if (is_plain && random_below(&thread->random, 2) == 0) {
        return torture_set(thread, key_number, version, expires_tick, value_size);
    }
    enum store_status status = store_item_create(thread->worker, torture_key(&key, key_number), false,
                                                 (uint32_t)(version & 1), expires_tick, value_size, &item);
    if (status != STORE_OK) {
        return status;
    }
    torture_write(store_item_value(item), value_size, key_number, version);
    status = store_put(thread->worker, &item, options, result);
    if (status == STORE_NO_MEMORY) {
        store_item_discard(thread->worker, item);
    }
    return status;
}

#endif
