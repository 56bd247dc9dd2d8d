/* SPDX-License-Identifier: MIT
 *
 * pressure: see pressure.h.
 */
#include "pressure.h"

#include <sched.h>

#include "evict.h"
#include "retire.h"
#include "supply.h"

enum {
    PRESSURE_RESERVE_SHARE = 32, /* the reserve is one part in so many of the limit */
    PRESSURE_RESERVE_MAX = 16 * 1024 * 1024,
    PRESSURE_SPARE_MAX =
        4096, /* bytes drawn beyond the need while evicting: a small step, so that no request pays for many */
    PRESSURE_ROUND_MAX = 1024 * 1024, /* bytes evicted between two looks at what has come free */
    PRESSURE_ROUNDS_MAX = 4096,       /* of eviction: enough for an item of half of a limit of several GiB */
    PRESSURE_YIELDS_MAX = 4000,       /* a few milliseconds when nobody else wants the CPU */
};

/* Bytes in limbo over all workers: evicted already, and free soon. */
static uint64_t pressure_limbo_size(struct store *store) {
    unsigned count = epoch_members_count(&store->epoch);
    uint64_t size = 0;
    for (unsigned i = 0; i < count; i++)
        size += counter_read(&store_member(store, i)->limbo_size);
    return size;
}

static uint64_t pressure_soft_limit(const struct store *store) {
    uint64_t limit = budget_limit(&store->budget);
    if (!store->evict)
        return limit;
    uint64_t reserve = limit / PRESSURE_RESERVE_SHARE;
    if (reserve > PRESSURE_RESERVE_MAX)
        reserve = PRESSURE_RESERVE_MAX;
    reserve += atomic_load_explicit(&store->growth.wanted_size, memory_order_relaxed);
    return reserve < limit ? limit - reserve : 0;
}

/* How many bytes have to go so that `size` more stay below the soft limit. */
static uint64_t pressure_excess(struct store *store, uint64_t size) {
    uint64_t wanted = budget_committed(&store->budget) + size;
    uint64_t soft_limit = pressure_soft_limit(store);
    if (wanted <= soft_limit)
        return 0;
    uint64_t limbo_size = pressure_limbo_size(store);
    return wanted - soft_limit > limbo_size ? wanted - soft_limit - limbo_size : 0;
}

/* Evicts for `size` bytes and as much again, so that a store above its soft limit comes down little by little. */
static void pressure_evict(struct store_worker *worker, uint64_t size) {
    uint64_t excess = pressure_excess(worker->store, size);
    if (excess > 2 * size)
        excess = 2 * size;
    if (excess != 0)
        evict_items(worker, excess < PRESSURE_ROUND_MAX ? excess : PRESSURE_ROUND_MAX);
}

/* One look for memory: what the budget has, else what can be freed. */
static bool pressure_try(struct store_worker *worker, size_t size, uint64_t spare) {
    if (budget_draw(&worker->store->budget, &worker->allowance, size, spare))
        return true;
    retire_pass(worker);
    retire_drain(worker, SIZE_MAX);
    supply_clear_shelf(worker);
    budget_flush(&worker->store->budget, &worker->allowance);
    return budget_draw(&worker->store->budget, &worker->allowance, size, 0);
}

/* How many bytes must come free for `size` to fit, whatever lies in limbo. */
static uint64_t pressure_shortage(const struct store *store, uint64_t size) {
    uint64_t wanted = budget_committed(&store->budget) + size;
    uint64_t soft_limit = pressure_soft_limit(store);
    return wanted > soft_limit ? wanted - soft_limit : 0;
}

/* Tries until everything that lies in limbo now has had its grace. */
static bool pressure_wait(struct store_worker *worker, size_t size, unsigned *yields_count) {
    uint64_t enough = epoch_now(&worker->store->epoch) + EPOCH_GRACE + 1;
    for (;;) {
        if (pressure_try(worker, size, 0))
            return true;
        if (epoch_now(&worker->store->epoch) >= enough || *yields_count >= PRESSURE_YIELDS_MAX)
            return false;
        ++*yields_count;
        sched_yield();
    }
}

/* The reserve is used up: evict, free, let the others run, again and again. What lies in limbo may be pinned, or belong to a worker that
 * sleeps, so from the second round on it is not counted upon. */
static bool pressure_insist(struct store_worker *worker, size_t size) {
    unsigned yields_count = 0;
    for (unsigned round = 0; round < PRESSURE_ROUNDS_MAX; round++) {
        uint64_t missing =
            round == 0 ? pressure_excess(worker->store, size) : pressure_shortage(worker->store, size);
        size_t evicted =
            missing == 0 ? 0
                         : evict_items(worker, missing < PRESSURE_ROUND_MAX ? missing : PRESSURE_ROUND_MAX);
        if (pressure_wait(worker, size, &yields_count))
            return true;
        if (round != 0 && evicted == 0)
            return false;
    }
    return false;
}

bool pressure_take(struct store_worker *worker, size_t size) {
    struct store *store = worker->store;
    bool plenty = pressure_excess(store, size + budget_portion(&store->budget)) == 0;
    uint64_t spare = budget_portion(&store->budget);
    if (!plenty) {
        spare = spare < PRESSURE_SPARE_MAX ? spare : PRESSURE_SPARE_MAX;
        pressure_evict(worker, size + spare);
    }
    if (unlikely(!pressure_try(worker, size, spare)) && !pressure_insist(worker, size))
        return false;
    return allowance_take(&worker->allowance, size);
}

bool pressure_relieve(struct store_worker *worker) {
    uint64_t excess = pressure_excess(worker->store, 0);
    if (excess == 0 || !worker->store->evict)
        return false;
    evict_items(worker, excess < PRESSURE_ROUND_MAX / 16 ? excess : PRESSURE_ROUND_MAX / 16);
    return true;
}
