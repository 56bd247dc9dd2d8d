/* SPDX-License-Identifier: MIT
 *
 * stats: store_stats and the sums. See stats.h.
 */
#include "stats.h"

/* Of a sum of differences over workers that count on meanwhile: never below 0 for the reader. */
static uint64_t stats_difference(uint64_t more, uint64_t less) {
    return more > less ? more - less : 0;
}

uint64_t stats_items_count(struct store *store) {
    uint64_t added = 0, removed = 0;
    unsigned count = epoch_members_count(&store->epoch);
    for (unsigned i = 0; i < count; i++) {
        added += counter_read(&store_member(store, i)->counters.items_added);
        removed += counter_read(&store_member(store, i)->counters.items_removed);
    }
    return stats_difference(added, removed);
}

static void stats_add(struct store_counters *sums, const struct store_counters *counters) {
#define STATS_ADD(name, help)                                                                                \
    counter_set(&sums->name, counter_read(&sums->name) + counter_read(&counters->name));
    STORE_COUNTERS(STATS_ADD)
#undef STATS_ADD
}

/* Everything that is summed up over workers. */
static void stats_sum(struct store *store, struct store_levels *levels) {
    uint64_t size_added = 0, size_removed = 0, allowances = 0;
    unsigned count = epoch_members_count(&store->epoch);
    for (unsigned i = 0; i < count; i++) {
        const struct store_worker *worker = store_member(store, i);
        stats_add(&levels->sums, &worker->counters);
        size_added += counter_read(&worker->items_size_added);
        size_removed += counter_read(&worker->items_size_removed);
        allowances += allowance_unused(&worker->allowance);
    }
    const struct store_counters *sums = &levels->sums;
    levels->items_count =
        stats_difference(counter_read(&sums->items_added), counter_read(&sums->items_removed));
    levels->items_size = stats_difference(size_added, size_removed);
    levels->retired_count = stats_difference(counter_read(&sums->retired), counter_read(&sums->freed));
    levels->memory_size = stats_difference(budget_committed(&store->budget), allowances);
}

void store_stats(struct store *store, struct store_levels *levels) {
    *levels = (struct store_levels){0};
    stats_sum(store, levels);
    levels->memory_size_max = budget_limit(&store->budget);
    levels->index_size = atomic_load_explicit(&store->growth.index_size, memory_order_relaxed);
    levels->index_power = atomic_load_explicit(&store->growth.power, memory_order_relaxed);
    levels->index_growing = atomic_load_explicit(&store->growth.under_way, memory_order_relaxed);
    levels->epoch = epoch_now(&store->epoch);
}
