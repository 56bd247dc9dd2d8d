/* SPDX-License-Identifier: MIT
 *
 * Three threads store values of every size into a store that is too small for them; the fourth is late all the
 * time: it stands still for up to 200 ms, on-line, with a view in its hands, as a worker does that is held up in a
 * system call.
 *
 * Checked: no set ever fails; the view stays whole, whatever was evicted meanwhile; the statistics never show more
 * memory than the limit.
 */
#include <time.h>

#include "torture.h"

enum { KEYS = 20000, SETS = 6000, STALL_MS_MAX = 200, WRITERS = TORTURE_THREADS - 1 };
static const size_t LIMIT = 2 * 1024 * 1024;

struct stalls {
    _Atomic unsigned writing_count; /* threads that have not ended */
};

static void check_limit(struct torture_thread *thread) {
    struct store_levels levels;
    store_stats(thread->torture->store, &levels);
    torture_check(levels.memory_size <= LIMIT, "%" PRIu64 " bytes", levels.memory_size);
}

static void write(struct torture_thread *thread) {
    struct stalls *stalls = thread->torture->shared;
    const struct put_options set = {.mode = PUT_SET};
    for (unsigned i = 0; i < SETS * thread->torture->scale; i++) {
        uint64_t number = random_below(&thread->random, KEYS);
        enum store_status status = torture_put(thread, number, number, 0, &set, NULL);
        torture_check(status == STORE_OK, "a set failed: status %d", status);
        torture_pause(thread);
        if (i % 256 == 0) {
            check_limit(thread);
        }
    }
    atomic_fetch_sub(&stalls->writing_count, 1);
}

static void stall(struct torture_thread *thread) {
    struct stalls *stalls = thread->torture->shared;
    while (atomic_load(&stalls->writing_count) != 0) {
        uint64_t number = random_below(&thread->random, KEYS);
        struct torture_key key;
        struct item_view view;
        if (store_get(thread->worker, torture_key(&key, number), &view) == STORE_OK) {
            const struct timespec late = {
                .tv_nsec = (long)(random_below(&thread->random, STALL_MS_MAX) * CLOCK_NS_PER_MS)};
            nanosleep(&late, NULL);
            torture_read(view.value, number);
        }
        torture_turn(thread);
    }
}

int main(int argument_count, char **arguments) {
    struct torture torture;
    struct stalls stalls = {.writing_count = WRITERS};
    void (*const runs[])(struct torture_thread *) = {write, write, write, stall};
    torture_open(&torture, argument_count, arguments, LIMIT, true);
    torture.shared = &stalls;
    torture_run(&torture, runs, TORTURE_THREADS);
    torture_close(&torture, "stalls");
    return 0;
}
