/* SPDX-License-Identifier: MIT
 *
 * pressure: see pressure.h.
 */
#include "pressure.h"

#include <sched.h>
#include <time.h>

#include "evict.h"
#include "retire.h"
#include "supply.h"

enum {
    PRESSURE_RESERVE_SHARE = 32, /* the reserve is one part in so many of the limit */
    PRESSURE_RESERVE_MAX = 16 * 1024 * 1024,
    PRESSURE_SPARE_MAX = 4096, /* bytes drawn beyond the need while evicting: no request pays for many */
    PRESSURE_ROUND_MAX = 1024 * 1024, /* bytes evicted between two looks at what has come free */
    PRESSURE_ROUNDS_MAX = 4096,       /* of eviction: enough for an item of half of a limit of several GiB */
    PRESSURE_FRUITLESS_MAX = 2, /* rounds that evict nothing: the first may only have wanted room in limbo */
    PRESSURE_YIELDS_MAX = 500,
    PRESSURE_NAPS_MAX = 200,
    PRESSURE_NAP_NS = 100 * 1000, /* 20 ms in all: longer than a worker is kept from its CPU */
};

/* Bytes in limbo over all workers: evicted already, and free soon. */
static uint64_t pressure_limbo_size(struct store *store) {
    unsigned count = epoch_members_count(&store->epoch);
    uint64_t size = 0;
    for (unsigned i = 0; i < count; i++) {
        size += counter_read(&store_member(store, i)->limbo_size);
    }
    return size;
}

static uint64_t pressure_soft_limit(const struct store *store) {
    uint64_t limit = budget_limit(&store->budget);
    if (!store->evict) {
        return limit;
    }
    uint64_t reserve = limit / PRESSURE_RESERVE_SHARE;
    if (reserve > PRESSURE_RESERVE_MAX) {
        reserve = PRESSURE_RESERVE_MAX;
    }
    reserve += atomic_load_explicit(&store->growth.wanted_size, memory_order_relaxed);
    return reserve < limit ? limit - reserve : 0;
}

/* How many bytes have to go so that `size` more stay below the soft limit. */
static uint64_t pressure_excess(struct store *store, uint64_t size) {
    uint64_t wanted = budget_committed(&store->budget) + size;
    uint64_t soft_limit = pressure_soft_limit(store);
    if (wanted <= soft_limit) {
        return 0;
    }
    uint64_t limbo_size = pressure_limbo_size(store);
    return wanted - soft_limit > limbo_size ? wanted - soft_limit - limbo_size : 0;
}

static size_t pressure_evict_round(struct store_worker *worker, uint64_t size) {
    return size == 0 ? 0 : evict_items(worker, size < PRESSURE_ROUND_MAX ? size : PRESSURE_ROUND_MAX);
}

/*
 * Evicts for `size` bytes and as much again, so that a store above its soft limit comes down little by
 * little.
 */
static void pressure_evict(struct store_worker *worker, uint64_t size) {
    uint64_t excess = pressure_excess(worker->store, size);
    if (excess > 2 * size) {
        excess = 2 * size;
    }
    pressure_evict_round(worker, excess);
}

/* One look for memory: what the budget has, else what has become free, else what was kept for later. */
static bool pressure_try(struct store_worker *worker, size_t size, uint64_t spare) {
    struct budget *budget = &worker->store->budget;
    if (budget_draw(budget, &worker->allowance, size, spare)) {
        return true;
    }
    retire_pass(worker);
    retire_drain(worker, SIZE_MAX);
    budget_flush(budget, &worker->allowance);
    if (budget_draw(budget, &worker->allowance, size, 0)) {
        return true;
    }
    supply_clear_shelf(worker);
    budget_flush(budget, &worker->allowance);
    return budget_draw(budget, &worker->allowance, size, 0);
}

/* How many bytes must come free for `size` to fit, whatever lies in limbo. */
static uint64_t pressure_shortage(const struct store *store, uint64_t size) {
    uint64_t wanted = budget_committed(&store->budget) + size;
    uint64_t soft_limit = pressure_soft_limit(store);
    return wanted > soft_limit ? wanted - soft_limit : 0;
}

enum pressure_outcome {
    PRESSURE_GRANTED,
    PRESSURE_GRACE_OVER, /* all that lay in limbo is free, pinned, or another worker's that sleeps */
    PRESSURE_GAVE_UP,    /* a worker has been in one turn all the time */
};

/*
 * Lets other workers come to the end of their turns: first by yielding, then by sleeping a little, since
 * one may want this very CPU. Off-line, so that two that wait do not wait for each other.
 */
static void pressure_let_others_run(struct store_worker *worker, unsigned steps_count) {
    const struct timespec nap = {.tv_nsec = PRESSURE_NAP_NS};
    epoch_offline(&worker->member);
    if (steps_count <= PRESSURE_YIELDS_MAX) {
        sched_yield();
    } else {
        nanosleep(&nap, NULL);
    }
    epoch_online(&worker->store->epoch, &worker->member);
}

/* Tries until everything that lies in limbo now has had its grace. */
static enum pressure_outcome pressure_wait(struct store_worker *worker, size_t size) {
    const struct store *store = worker->store;
    unsigned steps_count = 0;
    unsigned steps_max = store->evict ? PRESSURE_YIELDS_MAX + PRESSURE_NAPS_MAX : PRESSURE_YIELDS_MAX;
    uint64_t enough = epoch_now(&store->epoch) + EPOCH_GRACE + 1;
    for (;;) {
        bool over = epoch_now(&store->epoch) >= enough; /* asked before the last try, not after */
        if (pressure_try(worker, size, 0)) {
            return PRESSURE_GRANTED;
        }
        if (over) {
            return PRESSURE_GRACE_OVER;
        }
        if (++steps_count > steps_max) {
            return PRESSURE_GAVE_UP;
        }
        pressure_let_others_run(worker, steps_count);
    }
}

/*
 * The reserve is used up: evict, free, let the others run, again and again. After a grace what still lies
 * in limbo is not counted upon any more. While there is none, nothing more is evicted: it would only lie in
 * limbo too.
 */
static bool pressure_insist(struct store_worker *worker, size_t size) {
    struct store *store = worker->store;
    pressure_evict_round(worker, pressure_excess(store, size));
    unsigned fruitless_count = 0;
    for (unsigned round = 0; round < PRESSURE_ROUNDS_MAX && pressure_limbo_size(store) != 0; round++) {
        switch (pressure_wait(worker, size)) {
        case PRESSURE_GRANTED:
            return true;
        case PRESSURE_GRACE_OVER:
            if (pressure_evict_round(worker, pressure_shortage(store, size)) > 0) {
                fruitless_count = 0;
            } else if (++fruitless_count == PRESSURE_FRUITLESS_MAX) {
                return false;
            }
            break;
        case PRESSURE_GAVE_UP:
            return false;
        }
    }
    return pressure_try(worker, size, 0);
}

bool pressure_take(struct store_worker *worker, size_t size) {
    struct store *store = worker->store;
    bool plenty = pressure_excess(store, size + budget_portion(&store->budget)) == 0;
    uint64_t spare = budget_portion(&store->budget);
    if (!plenty) {
        spare = spare < PRESSURE_SPARE_MAX ? spare : PRESSURE_SPARE_MAX;
        pressure_evict(worker, size + spare);
    }
    if (unlikely(!pressure_try(worker, size, spare)) && !pressure_insist(worker, size)) {
        return false;
    }
    return allowance_take(&worker->allowance, size);
}

bool pressure_relieve(struct store_worker *worker) {
    uint64_t excess = pressure_excess(worker->store, 0);
    if (excess == 0 || !worker->store->evict) {
        return false;
    }
    evict_items(worker, excess < PRESSURE_ROUND_MAX / 16 ? excess : PRESSURE_ROUND_MAX / 16);
    return true;
}
