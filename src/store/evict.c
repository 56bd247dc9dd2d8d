/* SPDX-License-Identifier: MIT
 *
 * evict: windows, ages and the hand. See evict.h.
 */
#include "evict.h"

#include "index.h"
#include "place.h"
#include "supply.h"
#include "sweep.h"
#include "use.h"

enum {
    EVICT_WINDOW_ITEMS_MIN = 32, /* a window is widened until it has so many */
    EVICT_WINDOW_ITEMS_MAX = 64,
    EVICT_WINDOW_HOMES_MAX = 256, /* but not beyond this many homes: a sparse index */
    EVICT_HAND_STEP = 4,          /* homes taken at a time */
    EVICT_SHARE = 4,              /* at most one in so many of a window goes */
    EVICT_AGE_STEP = 16,          /* the age from which items go moves by one part in so many */
    EVICT_UNREAD_WEIGHT = 4,
    EVICT_ROUNDS_MAX = 2,
    EVICT_DEAD_HOMES_MAX = 64, /* looked at where the store may not evict */
    EVICT_LONG_PASS_S = 64,    /* a pass at least so long needs no finer ages than seconds */
    EVICT_ACTIVE_S = 60,       /* evicted_active: read within so many seconds */
};

struct evict_candidate {
    struct item *item; /* NULL: already gone */
    uint64_t age;      /* weighted */
};

struct evict_window {
    unsigned count;
    struct evict_candidate candidates[EVICT_WINDOW_ITEMS_MAX];
};

static uint64_t evict_homes_count(const struct store *store) {
    return table_buckets_count(index_table(&store->index));
}

/* The hand begins a pass: how long did the last one take? */
static void evict_begin_pass(struct store_worker *worker, bool first) {
    struct store *store = worker->store;
    uint64_t now = worker_now_fine(worker);
    uint64_t began = atomic_exchange_explicit(&store->eviction.pass_began, now, memory_order_relaxed);
    bool long_pass = !first && now > began + (uint64_t)EVICT_LONG_PASS_S * ITEM_USED_PER_TICK;
    /* relaxed: whoever still sees the other resolution rounds an age otherwise, no more. */
    atomic_store_explicit(&store->used_shift, long_pass ? STORE_USED_COARSE : STORE_USED_FINE,
                          memory_order_relaxed);
}

/* The next few homes, for this worker alone. */
static uint64_t evict_move_hand(struct store_worker *worker) {
    struct store *store = worker->store;
    uint64_t position =
        atomic_fetch_add_explicit(&store->eviction.hand, EVICT_HAND_STEP, memory_order_relaxed);
    uint64_t home = position & (evict_homes_count(store) - 1);
    if (unlikely(home == 0)) {
        evict_begin_pass(worker, position == 0);
    }
    return home;
}

static void evict_collect(void *user, struct item *item) {
    struct evict_window *window = user;
    if (window->count == EVICT_WINDOW_ITEMS_MAX) {
        return; /* looked at when the hand comes round again */
    }
    __builtin_prefetch(item, 0, 3);
    window->candidates[window->count++].item = item;
}

/* Fills the window; returns how many homes it took. */
static unsigned evict_open_window(struct store_worker *worker, struct evict_window *window) {
    const struct table *table = index_table(&worker->store->index);
    uint64_t table_homes_count = table_buckets_count(table);
    uint64_t homes_max =
        table_homes_count < EVICT_WINDOW_HOMES_MAX ? table_homes_count : EVICT_WINDOW_HOMES_MAX;
    unsigned homes_count = 0;
    window->count = 0;
    while (window->count < EVICT_WINDOW_ITEMS_MIN && homes_count < homes_max) {
        uint64_t home = evict_move_hand(worker);
        for (unsigned i = 0; i < EVICT_HAND_STEP; i++) {
            index_scan(table, (home + i) & table->mask, evict_collect, window);
        }
        homes_count += EVICT_HAND_STEP;
    }
    return homes_count;
}

static uint64_t evict_age(const struct store_worker *worker, const struct item *item) {
    uint64_t now = worker_now_fine(worker);
    return now - use_moment(item, now);
}

static void evict_count_evicted(struct store_worker *worker, const struct item *item) {
    struct store_counters *counters = &worker->counters;
    counter_add(&counters->evictions, 1);
    if (!item_has(item, ITEM_FETCHED)) {
        counter_add(&counters->evicted_unfetched, 1);
    } else if (evict_age(worker, item) < EVICT_ACTIVE_S * ITEM_USED_PER_TICK) {
        counter_add(&counters->evicted_active, 1);
    }
}

/* The item is out of the index but there until this worker's next quiescent state. */
static void evict_tell(const struct store_worker *worker, struct item *item) {
    struct item_view view;
    use_view(item, worker_now_fine(worker), &view);
    worker->on_evict(worker->on_evict_user, &view);
}

static size_t evict_take(struct store_worker *worker, struct item *item) {
    size_t size = place_withdraw(worker, item, PLACE_WITHDRAW_ANY);
    if (size == 0) {
        return 0;
    }
    evict_count_evicted(worker, item);
    if (worker->on_evict != NULL) {
        evict_tell(worker, item);
    }
    return size;
}

void store_worker_on_evict(struct store_worker *worker,
                           void (*on_evict)(void *user, const struct item_view *view), void *user) {
    worker->on_evict = on_evict;
    worker->on_evict_user = user;
}

/* Takes the dead out, drops what must stay, and gives the rest their ages. Returns the bytes taken. */
static size_t evict_take_dead(struct store_worker *worker, struct evict_window *window) {
    size_t size = 0;
    unsigned kept_count = 0;
    for (unsigned i = 0; i < window->count; i++) {
        struct item *item = window->candidates[i].item;
        /* relaxed: only a preference; a pin that comes later keeps the block, see retire.c. */
        bool pinned = atomic_load_explicit(&item->pins, memory_order_relaxed) != 0;
        if (!worker_item_lives(worker, item)) {
            size += use_reclaim(worker, item);
        } else if (!pinned) {
            uint64_t age = evict_age(worker, item);
            uint64_t weighted = item_has(item, ITEM_FETCHED) ? age : (age + 1) * EVICT_UNREAD_WEIGHT;
            window->candidates[kept_count++] = (struct evict_candidate){.item = item, .age = weighted};
        }
    }
    window->count = kept_count;
    return size;
}

/* The oldest that is at least as old as age_min, or NULL. */
static struct evict_candidate *evict_oldest(struct evict_window *window, uint64_t age_min) {
    struct evict_candidate *oldest = NULL;
    for (unsigned i = 0; i < window->count; i++) {
        struct evict_candidate *candidate = &window->candidates[i];
        if (candidate->item == NULL || candidate->age < age_min) {
            continue;
        }
        if (oldest == NULL || candidate->age > oldest->age) {
            oldest = candidate;
        }
    }
    return oldest;
}

static unsigned evict_count_older(const struct evict_window *window, uint64_t age_min) {
    unsigned count = 0;
    for (unsigned i = 0; i < window->count; i++) {
        count += window->candidates[i].age >= age_min;
    }
    return count;
}

/* What this window teaches about the age from which items go. Workers may overwrite each other's lesson. */
static void evict_learn(struct store *store, const struct evict_window *window, uint64_t age_min) {
    unsigned older_count = evict_count_older(window, age_min);
    uint64_t step = age_min / EVICT_AGE_STEP + 1;
    /* relaxed: an estimate. */
    if (older_count == 0) {
        atomic_store_explicit(&store->eviction.age_min, age_min > step ? age_min - step : 0,
                              memory_order_relaxed);
    } else if (older_count > window->count / EVICT_SHARE) {
        atomic_store_explicit(&store->eviction.age_min, age_min + step, memory_order_relaxed);
    }
}

/* Takes out the oldest of the window, no more than its share and no more than needed. */
static size_t evict_take_oldest(struct store_worker *worker, struct evict_window *window, size_t size_wanted,
                                uint64_t age_min) {
    unsigned share = (window->count + EVICT_SHARE - 1) / EVICT_SHARE;
    struct evict_candidate *oldest;
    size_t size = 0;
    for (; share > 0 && size < size_wanted && (oldest = evict_oldest(window, age_min)) != NULL; share--) {
        size += evict_take(worker, oldest->item);
        oldest->item = NULL;
    }
    return size;
}

/*
 * `any`: a whole round has not found enough that is old, so the oldest of each window go whatever their
 * age.
 */
static size_t evict_one_window(struct store_worker *worker, size_t size_wanted, bool any,
                               uint64_t *homes_count) {
    struct store *store = worker->store;
    struct evict_window window;
    *homes_count += evict_open_window(worker, &window);
    size_t size = evict_take_dead(worker, &window);
    if (size >= size_wanted || !store->evict) {
        return size;
    }
    /* relaxed: an estimate. */
    uint64_t age_min = atomic_load_explicit(&store->eviction.age_min, memory_order_relaxed);
    evict_learn(store, &window, age_min);
    return size + evict_take_oldest(worker, &window, size_wanted - size, any ? 0 : age_min);
}

/*
 * Where only dead items may be taken, a few homes are looked at, and none unless the sweep knows of dead
 * items.
 */
static uint64_t evict_homes_max(struct store_worker *worker) {
    struct store *store = worker->store;
    if (store->evict) {
        return evict_homes_count(store) * EVICT_ROUNDS_MAX;
    }
    return sweep_is_due(worker) ? EVICT_DEAD_HOMES_MAX : 0;
}

size_t evict_items(struct store_worker *worker, size_t size) {
    uint64_t homes_max = evict_homes_max(worker);
    uint64_t homes_count = 0;
    size_t taken = 0;
    while (taken < size && homes_count < homes_max && supply_limbo(worker, SUPPLY_LIMBO_REMOVAL)) {
        taken +=
            evict_one_window(worker, size - taken, homes_count >= homes_max / EVICT_ROUNDS_MAX, &homes_count);
    }
    return taken;
}
