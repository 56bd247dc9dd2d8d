/* SPDX-License-Identifier: MIT
 *
 * Changes that are made from the present value: no increment, no appended record and no comparison may be
 * lost or happen twice.
 *
 * Checked: counters add up, and their CAS only rises; every record of every thread stands in its key exactly once and in the thread's
 * order; of all threads that compare with the same CAS one stores; of all that look up a stale item one
 * wins, in every round; of all that create one does; who meets a dead item and takes it out does not take
 * out the live one that came after it.
 */
#include <sched.h>

#include "torture.h"

enum {
    INCREMENTS = 20000,
    RECORDS = 400,
    RECORD_KEYS = 2,
    RECORD_SIZE = 6,
    ROUNDS = 3000,
    REVIVALS = 10000,
    SPINS_MAX = 2000
};

struct changes {
    _Atomic unsigned winners_count;
    _Atomic unsigned creators_count;
    _Atomic unsigned storers_count;
    _Atomic uint64_t cas;
    _Atomic unsigned arrived_count; /* at the start line, over all rounds */
};

static void increment(struct torture_thread *thread) {
    const struct number_options options = {.delta = 1, .create = true, .initial = 1};
    struct number_result result;
    uint64_t cas[3] = {0};
    for (unsigned i = 0; i < INCREMENTS; i++) {
        struct torture_key key;
        torture_check(store_add_number(thread->worker, torture_key(&key, i % 3), &options, &result) ==
                          STORE_OK,
                      "no number");
        torture_check(result.cas > cas[i % 3], "CAS %" PRIu64 " after %" PRIu64, result.cas, cas[i % 3]);
        cas[i % 3] = result.cas;
        torture_pause(thread);
    }
}

static void append(struct torture_thread *thread) {
    for (unsigned i = 0; i < RECORDS; i++) {
        struct torture_key key;
        struct item *item;
        char record[RECORD_SIZE + 1];
        const struct put_options options = {.mode = PUT_APPEND, .create = true};
        snprintf(record, sizeof(record), "%u%04u;", thread->index, i);
        torture_check(store_item_create(thread->worker, torture_key(&key, 100 + i % RECORD_KEYS), false, 0, 0,
                                        RECORD_SIZE, &item) == STORE_OK,
                      "no item");
        memcpy(store_item_value(item), record, RECORD_SIZE);
        torture_check(store_put(thread->worker, &item, &options, NULL) == STORE_OK, "not appended");
        torture_pause(thread);
    }
}

static struct item_view look(struct torture_thread *thread, uint64_t number) {
    struct torture_key key;
    struct item_view view;
    torture_check(store_get(thread->worker, torture_key(&key, number), &view) == STORE_OK,
                  "key %" PRIu64 " was lost", number);
    return view;
}

static void check_counters(struct torture_thread *thread) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < 3; i++) {
        struct bytes value = look(thread, i).value;
        uint64_t number;
        while (value.size != 0 && value.data[value.size - 1] == ' ') {
            value.size--;
        }
        torture_check(bytes_parse_u64(value, &number), "no number");
        sum += number;
    }
    torture_check(sum == INCREMENTS * TORTURE_THREADS, "the counters add up to %" PRIu64, sum);
}

static void check_records(struct torture_thread *thread, unsigned key_index) {
    struct bytes value = look(thread, 100 + key_index).value;
    unsigned next[TORTURE_THREADS];
    for (unsigned i = 0; i < TORTURE_THREADS; i++) {
        next[i] = key_index;
    }
    torture_check(value.size == RECORDS / RECORD_KEYS * TORTURE_THREADS * RECORD_SIZE, "%zu bytes of records",
                  value.size);
    for (size_t at = 0; at < value.size; at += RECORD_SIZE) {
        uint64_t record;
        torture_check(bytes_parse_u64(bytes_of(value.data + at, RECORD_SIZE - 1), &record), "a torn record");
        unsigned writer = (unsigned)(record / 10000);
        torture_check(record % 10000 == next[writer], "record %" PRIu64 " out of order", record);
        next[writer] += RECORD_KEYS;
    }
}

/* Each thread has a key that is dead and alive in turn; all look at all of them. */
static void revive(struct torture_thread *thread) {
    const struct put_options set = {.mode = PUT_SET};
    struct torture_key key;
    struct item_view view;
    for (unsigned i = 0; i < REVIVALS; i++) {
        torture_check(torture_put(thread, 300 + thread->index, i, STORE_EXPIRED, &set, NULL) == STORE_OK,
                      "no room");
        store_get(thread->worker, torture_key(&key, 300 + random_below(&thread->random, TORTURE_THREADS)),
                  &view);
        torture_check(torture_put(thread, 300 + thread->index, i, 0, &set, NULL) == STORE_OK, "no room");
        store_get(thread->worker, torture_key(&key, 300 + random_below(&thread->random, TORTURE_THREADS)),
                  &view);
        look(thread, 300 + thread->index);
        torture_pause(thread);
    }
}

/* Waits for the others without sleeping, so that all that have a CPU start at once. */
static void line_up(struct changes *changes, unsigned lines_count) {
    atomic_fetch_add(&changes->arrived_count, 1);
    for (unsigned spins = 1; atomic_load(&changes->arrived_count) < lines_count * TORTURE_THREADS; spins++) {
        if (spins % SPINS_MAX == 0) {
            sched_yield();
        }
    }
}

/* Who waits is off-line: the others need their memory back. */
static bool thread_is_first(struct torture_thread *thread) {
    store_offline(thread->worker);
    bool first = pthread_barrier_wait(&thread->torture->barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
    store_online(thread->worker, atomic_load_explicit(&thread->torture->now_ns, memory_order_relaxed));
    return first;
}

static void compare_and_store(struct torture_thread *thread, struct changes *changes) {
    const struct put_options options = {.compare = true, .cas_expected = atomic_load(&changes->cas)};
    enum store_status status = torture_put(thread, 200, thread->index, 0, &options, NULL);
    torture_check(status == STORE_OK || status == STORE_EXISTS, "status %d", status);
    if (status == STORE_OK) {
        atomic_fetch_add(&changes->storers_count, 1);
    }
}

static void win(struct torture_thread *thread, struct changes *changes) {
    const struct get_options options = {.meta = true};
    struct torture_key key;
    struct item_view view;
    torture_check(store_get_with(thread->worker, torture_key(&key, 201), &options, &view) == STORE_OK,
                  "lost");
    torture_check(view.stale && view.won != view.won_before, "one has won, this thread or another");
    if (view.won) {
        atomic_fetch_add(&changes->winners_count, 1);
    }
}

static void create(struct torture_thread *thread, struct changes *changes, unsigned round) {
    const struct get_options options = {.create = true, .meta = true};
    struct torture_key key;
    struct item_view view;
    torture_check(store_get_with(thread->worker, torture_key(&key, 1000 + round), &options, &view) ==
                      STORE_OK,
                  "not created");
    if (view.won) {
        atomic_fetch_add(&changes->creators_count, 1);
    }
}

/* Between two rounds, by one thread. */
static void prepare(struct torture_thread *thread, struct changes *changes) {
    const struct put_options set = {0};
    const struct delete_options invalidate = {.invalidate = true};
    struct torture_key key;
    struct put_result result;
    torture_check(torture_put(thread, 200, 99, 0, &set, &result) == STORE_OK, "no room");
    atomic_store(&changes->cas, result.cas);
    torture_check(torture_put(thread, 201, 99, 0, &set, &result) == STORE_OK, "no room");
    torture_check(store_delete(thread->worker, torture_key(&key, 201), &invalidate, NULL) == STORE_OK,
                  "lost");
}

static void play(struct torture_thread *thread, struct changes *changes) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (thread_is_first(thread)) {
            prepare(thread, changes);
        }
        line_up(changes, 3 * round + 1);
        win(thread, changes);
        line_up(changes, 3 * round + 2);
        create(thread, changes, round);
        line_up(changes, 3 * round + 3);
        compare_and_store(thread, changes);
        torture_turn(thread);
    }
}

static void run(struct torture_thread *thread) {
    struct changes *changes = thread->torture->shared;
    increment(thread);
    append(thread);
    revive(thread);
    play(thread, changes);
    if (thread_is_first(thread)) {
        check_counters(thread);
        for (unsigned i = 0; i < RECORD_KEYS; i++) {
            check_records(thread, i);
        }
    }
}

int main(int argument_count, char **arguments) {
    struct torture torture;
    struct changes changes = {0};
    void (*const runs[])(struct torture_thread *) = {run};
    torture_open(&torture, argument_count, arguments, 16 * 1024 * 1024, true);
    torture.shared = &changes;
    torture_run(&torture, runs, 1);
    torture_check(atomic_load(&changes.storers_count) == ROUNDS, "%u stored in %u rounds",
                  changes.storers_count, ROUNDS);
    torture_check(atomic_load(&changes.winners_count) == ROUNDS, "%u won in %u rounds", changes.winners_count,
                  ROUNDS);
    torture_check(atomic_load(&changes.creators_count) == ROUNDS, "%u created in %u rounds",
                  changes.creators_count, ROUNDS);
    torture_close(&torture, "changes");
    return 0;
}
