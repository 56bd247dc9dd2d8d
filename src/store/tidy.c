/* SPDX-License-Identifier: MIT
 *
 * tidy: see tidy.h.
 */
#include "tidy.h"

#include "memory.h"
#include "riposte/clock.h"
#include "supply.h"

enum {
    TIDY_COLLECT_SHARE = 16, /* collects when so great a part of the limit went back to the allocator */
    TIDY_COST_SHARE = 200,   /* one part in so many of the time may go into it */
    TIDY_FULL_QUARTERS = 3,  /* the store counts as full from here on */
};

static const uint64_t TIDY_INTERVAL_MIN_NS = CLOCK_NS_PER_S;
static const uint64_t TIDY_INTERVAL_MAX_NS = 32 * CLOCK_NS_PER_S;

static uint64_t tidy_returned_size(const struct store *store) {
    uint64_t size = 0;
    unsigned count = epoch_members_count(&store->epoch);
    for (unsigned i = 0; i < count; i++) {
        size += counter_read(&store_member(store, i)->tidy.returned_size);
    }
    return size;
}

/* Returns how long it took. */
static uint64_t tidy_collect(void) {
    uint64_t start_ns = clock_monotonic_ns();
    memory_collect();
    return clock_monotonic_ns() - start_ns;
}

static bool tidy_is_needed(const struct store_worker *worker) {
    const struct budget *budget = &worker->store->budget;
    return worker->shelf.size != 0 ||
           budget_committed(budget) > budget_limit(budget) / 4 * TIDY_FULL_QUARTERS;
}

static unsigned tidy_wait_ms(const struct store_worker *worker) {
    if (!tidy_is_needed(worker)) {
        return 0;
    }
    return (unsigned)((worker->tidy.due_ns - worker->now_ns) / CLOCK_NS_PER_MS + 1);
}

static void tidy_look(struct store_worker *worker) {
    struct tidy *tidy = &worker->tidy;
    uint64_t size = tidy_returned_size(worker->store);
    uint64_t cost_ns = 0;
    supply_bound_shelf(worker);
    supply_trim_shelf(worker);
    if (size - tidy->collected_size > budget_limit(&worker->store->budget) / TIDY_COLLECT_SHARE) {
        tidy->collected_size = size;
        cost_ns = tidy_collect();
    }
    tidy->interval_ns =
        size == tidy->seen_size && worker->shelf.size == 0 ? tidy->interval_ns * 2 : TIDY_INTERVAL_MIN_NS;
    if (tidy->interval_ns > TIDY_INTERVAL_MAX_NS) {
        tidy->interval_ns = TIDY_INTERVAL_MAX_NS;
    }
    if (tidy->interval_ns < cost_ns * TIDY_COST_SHARE) {
        tidy->interval_ns = cost_ns * TIDY_COST_SHARE;
    }
    tidy->seen_size = size;
    tidy->due_ns = worker->now_ns + tidy->interval_ns;
}

unsigned tidy_turn(struct store_worker *worker) {
    if (unlikely(worker->now_ns >= worker->tidy.due_ns)) {
        tidy_look(worker);
    }
    return tidy_wait_ms(worker);
}
