/* SPDX-License-Identifier: MIT
 *
 * counters: what the store has counted, for another process that goes on with it (riposte/numbers.h).
 */
#include <stddef.h>

#include "riposte/store_file.h"
#include "state.h"

#define STORE_FIELD(name, help) {#name, offsetof(struct store_counters, name)},

static const struct numbers_field fields[] = {STORE_COUNTERS(STORE_FIELD)};

enum { FIELDS_COUNT = sizeof(fields) / sizeof(fields[0]) };

void store_counters_save(struct store *store, struct record_writer *writer) {
    struct store_levels levels;
    store_stats(store, &levels);
    numbers_put_fields(writer, "store.", fields, FIELDS_COUNT, &levels.sums);
    numbers_put_one(writer, "store.", "moved_size", levels.moved_size);
}

/*
 * Two pairs say by their difference what there is, which this store knows better: items that have not come over count as removed,
 * segments that were being emptied as freed.
 */
static void pair_align(struct counter *more, struct counter *less, const struct counter *more_now,
                       const struct counter *less_now) {
    uint64_t there = counter_read(more_now) - counter_read(less_now);
    uint64_t before = counter_read(more);
    uint64_t gone = before > there ? before - there : 0;
    counter_set(more, gone);
    counter_set(less, gone);
}

void store_counters_load(struct store *store, struct numbers *numbers, uint64_t now_ns) {
    struct store_counters before = {0};
    struct store_levels now;
    struct store_worker *worker = store_worker_join(store, now_ns);
    if (worker == NULL) {
        return; /* memory has ended: they begin anew */
    }
    store_stats(store, &now);
    numbers_add_fields(numbers, "store.", fields, FIELDS_COUNT, &before);
    pair_align(&before.items_added, &before.items_removed, &now.sums.items_added, &now.sums.items_removed);
    pair_align(&before.retired, &before.freed, &now.sums.retired, &now.sums.freed);
#define STORE_ADD(name, help) counter_add(&worker->counters.name, counter_read(&before.name));
    STORE_COUNTERS(STORE_ADD)
#undef STORE_ADD
    counter_add(&worker->moved_size, numbers_get_one(numbers, "store.", "moved_size"));
    store_worker_leave(worker);
}
