/* SPDX-License-Identifier: MIT
 *
 * A store that may evict never refuses a set for want of memory, whatever comes together: sizes that change, a worker
 * that stands still, pins, a system that gives less than was asked for.
 *
 * Real threads and the real clock, because waiting is what is tested. RIPOSTE_ROUNDS repeats each situation, every time
 * with a new store (default 1; `make full ROUNDS=100` is the long run); each test says how many sets failed.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include "fixture.h"

enum {
    WRITERS = 2,
    TURN_SETS = 32,       /* between two quiescent states, as in a turn of the server */
    PHASE_SIZE = 8 << 20, /* bytes that each writer stores of one size */
    LIMIT = 12 << 20,
    STALL_NS = 200 * 1000 * 1000,
    STALLS_MAX = 8,     /* of a run */
    STALL_TURNS = 1000, /* between two stalls */
    PINS_MAX = 4096,
    ADDRESSES_MORE = 400 << 20, /* bytes of addresses that are left when the store is made */
};

struct sizes {
    size_t least, most; /* of values, bytes */
};
static const struct sizes phases[] = {{500000, 500000}, {100, 100},     {1000, 1000},
                                      {40, 3000},       {20000, 20000}, {500000, 500000}};
enum { PHASES = sizeof(phases) / sizeof(phases[0]) };

/* One run of one situation. */
struct run {
    struct store *store;
    uint64_t seed;
    _Atomic unsigned writers_count; /* that have not ended */
    _Atomic uint64_t sets, failed;
    _Atomic uint64_t stored; /* number of a key stored a moment ago */
    bool in_pieces;          /* some of the large values */
};

struct writer {
    struct run *run;
    unsigned index;
    pthread_t thread;
};

static unsigned rounds_count(void) {
    const char *given = getenv("RIPOSTE_ROUNDS");
    uint32_t count;
    return given != NULL && bytes_parse_u32(text(given), &count) && count > 0 ? count : 1;
}

static void turn(struct store_worker *worker) {
    store_quiescent(worker, clock_monotonic_ns());
}

/* Whether the set succeeded. */
static bool set(struct store_worker *worker, uint64_t number, size_t value_size, bool in_pieces) {
    static const struct put_options options = {.mode = PUT_SET};
    char key[32];
    int key_size = snprintf(key, sizeof(key), "key-%" PRIu64, number);
    struct item *item;
    if (store_item_create(worker, bytes_of(key, (size_t)key_size), false, 0, STORE_EXPIRES_NEVER, value_size,
                          &item) != STORE_OK) {
        return false;
    }
    if (in_pieces) {
        turn(worker);
    }
    memset(store_item_value(item), 'a' + (int)(number % 26), value_size);
    if (store_put(worker, &item, &options, NULL) == STORE_OK) {
        return true;
    }
    store_item_discard(worker, item); /* there was no memory */
    return false;
}

static void write_phase(struct run *run, struct store_worker *worker, struct random *random, unsigned phase) {
    const struct sizes *sizes = &phases[phase];
    unsigned count = 0;
    for (size_t stored = 0; stored < PHASE_SIZE; count++) {
        size_t size = sizes->least + random_below(random, sizes->most - sizes->least + 1);
        bool in_pieces = run->in_pieces && random_below(random, 8) == 0;
        uint64_t number = random_below(random, 1000000);
        if (set(worker, number, size, in_pieces)) {
            atomic_store(&run->stored, number);
        } else {
            atomic_fetch_add(&run->failed, 1);
        }
        stored += size;
        if (count % TURN_SETS == 0) {
            turn(worker);
        }
    }
    atomic_fetch_add(&run->sets, count);
}

static void *write_all(void *argument) {
    struct writer *writer = argument;
    struct run *run = writer->run;
    struct random random = {.state = run->seed + writer->index};
    struct store_worker *worker = store_worker_join(run->store, clock_monotonic_ns());
    for (unsigned phase = 0; phase < PHASES; phase++) {
        write_phase(run, worker, &random, phase);
    }
    store_worker_leave(worker);
    atomic_fetch_sub(&run->writers_count, 1);
    return NULL;
}

/* Two workers store all sizes; a third does `beside`, until they have ended; NULL: nothing. */
static void run_once(struct run *run, const struct store_config *config,
                     void (*beside)(struct run *run, struct store_worker *worker)) {
    struct writer writers[WRITERS];
    cr_assert_eq(store_create(config, &run->store), 0);
    atomic_store(&run->writers_count, WRITERS);
    struct store_worker *worker = store_worker_join(run->store, clock_monotonic_ns());
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.run = run, .index = i};
        cr_assert_eq(pthread_create(&writers[i].thread, NULL, write_all, &writers[i]), 0);
    }
    if (beside != NULL) {
        beside(run, worker);
    }
    store_offline(worker);
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
    }
    struct store_levels levels;
    store_stats(run->store, &levels);
    cr_expect_leq(levels.memory_size, levels.memory_size_max);
    cr_expect_gt(counter_read(&levels.sums.evictions), 1000, "the store was not full: nothing was tested");
    store_worker_leave(worker);
    store_destroy(run->store);
}

static void run_rounds(const char *name, struct store_config config, bool in_pieces,
                       void (*beside)(struct run *run, struct store_worker *worker)) {
    struct run run = {.seed = fixture_random().state, .in_pieces = in_pieces};
    unsigned rounds = rounds_count();
    for (unsigned round = 0; round < rounds; round++) {
        run_once(&run, &config, beside);
        run.seed += WRITERS;
    }
    uint64_t failed = atomic_load(&run.failed);
    fprintf(stderr, "%s: %u runs, %" PRIu64 " sets, %" PRIu64 " failed\n", name, rounds,
            atomic_load(&run.sets), failed);
    cr_expect_eq(failed, 0);
}

static struct store_config full_config(void) {
    struct store_config config = fixture_config();
    config.memory_size_max = LIMIT;
    return config;
}

Test(full, sizes_that_change_fail_no_set, .timeout = 3600) {
    run_rounds("sizes that change, two workers", full_config(), true, NULL);
}

static void stand_still(struct run *run, struct store_worker *worker) {
    for (unsigned stalls = 0; atomic_load(&run->writers_count) != 0;) {
        if (stalls < STALLS_MAX) {
            nanosleep(&(struct timespec){.tv_nsec = STALL_NS}, NULL);
            stalls++;
        }
        for (unsigned i = 0; i < STALL_TURNS && atomic_load(&run->writers_count) != 0; i++) {
            turn(worker);
            sched_yield();
        }
    }
}

Test(full, a_worker_that_stands_still_for_200_ms_fails_no_set, .timeout = 3600) {
    run_rounds("a worker stopped for 200 ms again and again", full_config(), true, stand_still);
}

/* Pins what was stored, as readers do that do not read, and lets nothing go. */
static void pin_much(struct run *run, struct store_worker *worker) {
    void *pins[PINS_MAX];
    unsigned count = 0;
    while (atomic_load(&run->writers_count) != 0) {
        struct item_view view;
        char key[32];
        int key_size = snprintf(key, sizeof(key), "key-%" PRIu64, atomic_load(&run->stored));
        if (count < PINS_MAX && store_get(worker, bytes_of(key, (size_t)key_size), &view) == STORE_OK &&
            store_pin(&view)) {
            pins[count++] = view.pin;
        }
        turn(worker);
    }
    cr_expect_gt(count, 10);
    while (count != 0) {
        store_unpin(pins[--count]);
    }
}

Test(full, pinned_values_fail_no_set, .timeout = 3600) {
    run_rounds("values pinned all the time", full_config(), true, pin_much);
}

/* Sanitizers need more addresses than there are then. */
#ifndef __SANITIZE_ADDRESS__

/* Bytes of addresses in use now. */
static size_t addresses_used(void) {
    FILE *statm = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;
    cr_assert(statm != NULL && fscanf(statm, "%lu", &pages) == 1);
    fclose(statm);
    return pages * ARENA_PAGE_SIZE;
}

Test(full, a_system_that_refuses_memory_fails_no_set, .timeout = 3600) {
    struct store_config config = full_config();
    size_t size = addresses_used() + ADDRESSES_MORE;
    const struct rlimit limit = {.rlim_cur = size, .rlim_max = size};
    config.memory_size_max = 256 * FIXTURE_MIB;
    config.workers_max = WRITERS + 1;
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    run_rounds("RLIMIT_AS below what the store asks for", config, true, NULL);
}

#endif

/* The room that copies are kept for has gone, too: to the index, say. */
Test(full, a_set_is_refused_soon_where_segments_have_holes_and_there_is_no_room_to_copy) {
    struct store_config config = fixture_config();
    config.evict = false;
    struct fixture fixture = fixture_open_with(config);
    uint64_t number = 0;
    while (fixture_set_number(&fixture, number, 100) == STORE_OK) {
        number++;
        fixture_turn(&fixture, 0);
    }
    for (uint64_t i = 0; i < number; i += 3) {
        char key[32];
        int size = snprintf(key, sizeof(key), "key-%" PRIu64, i);
        store_delete(fixture.worker, bytes_of(key, (size_t)size), NULL, NULL);
    }
    struct arena *arena = &fixture.store->arena;
    int64_t headroom = arena_headroom(arena);
    cr_assert(headroom > 0 && arena_charge(arena, (size_t)headroom));
    uint64_t begin_ns = clock_monotonic_ns();
    enum store_status status = STORE_OK;
    for (unsigned i = 0; i < 10000 && status == STORE_OK; i++) {
        status = fixture_set_number(&fixture, number++, 100);
    }
    cr_expect_eq(status, STORE_NO_MEMORY);
    cr_expect_lt(clock_monotonic_ns() - begin_ns, CLOCK_NS_PER_S);
    arena_uncharge(arena, (size_t)headroom);
    fixture_close(&fixture);
}

/* Each segment ends in a tail that the next value did not fit into: copying wins nothing there. */
Test(full, a_set_is_refused_soon_where_nothing_may_go_and_segments_have_tails) {
    static const size_t sizes[] = {10, 1000, 50000, 5000, 60000, 100, 900000};
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
    struct store_config config = fixture_config();
    config.memory_size_max = 64 * FIXTURE_MIB;
    config.evict = false;
    struct fixture fixture = fixture_open_with(config);
    uint64_t number = 0;
    enum store_status status = STORE_OK;
    while (status == STORE_OK) {
        uint64_t begin_ns = clock_monotonic_ns();
        status = fixture_set_number(&fixture, number, sizes[number % SIZES]);
        cr_expect_lt(clock_monotonic_ns() - begin_ns, CLOCK_NS_PER_S, "set %" PRIu64, number);
        number++;
        fixture_turn(&fixture, 0);
    }
    cr_expect_eq(status, STORE_NO_MEMORY);
    fixture_close(&fixture);
}
