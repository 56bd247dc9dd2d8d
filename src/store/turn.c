/* SPDX-License-Identifier: MIT
 *
 * turn: what a worker does for the store between two turns of its loop: announce, free, and move growth,
 * sweep and a lowered limit on by a bounded piece each. Worker's own thread.
 */
#include "growth.h"
#include "pressure.h"
#include "retire.h"
#include "supply.h"
#include "sweep.h"
#include "tick.h"
#include "tidy.h"

enum {
    TURN_DRAIN_MIN = 64, /* limbo entries freed per turn; and a part of what there is, for bursts */
    TURN_DRAIN_SHARE = 4,
    TURN_LIMBO_WAIT_MS_MIN = 2,
    TURN_LIMBO_WAIT_MS_MAX = 1000,
    TURN_BUSY_MS = 1,
};

/* The earlier of two wake-ups; 0 means no need. */
static unsigned turn_sooner(unsigned left_ms, unsigned right_ms) {
    if (left_ms == 0 || right_ms == 0) {
        return left_ms | right_ms;
    }
    return left_ms < right_ms ? left_ms : right_ms;
}

/*
 * What waits in limbo waits for other workers or for a reply to be sent: asked about less and less often
 * while nothing moves.
 */
static unsigned turn_limbo_wait_ms(struct store_worker *worker) {
    if (worker->limbo.count == 0) {
        return 0;
    }
    uint64_t moves = counter_read(&worker->counters.retired) + counter_read(&worker->counters.freed);
    bool moved = moves != worker->limbo_moves;
    worker->limbo_moves = moves;
    worker->limbo_wait_ms = moved ? TURN_LIMBO_WAIT_MS_MIN : worker->limbo_wait_ms * 2;
    if (worker->limbo_wait_ms > TURN_LIMBO_WAIT_MS_MAX) {
        worker->limbo_wait_ms = TURN_LIMBO_WAIT_MS_MAX;
    }
    return worker->limbo_wait_ms;
}

/* Only who waits for an epoch to pass moves it on; the others announce. */
static unsigned turn_limbo(struct store_worker *worker) {
    if (likely(worker->limbo.count == 0)) {
        epoch_quiescent(&worker->store->epoch, &worker->member);
        return 0;
    }
    retire_pass(worker);
    retire_drain(worker, TURN_DRAIN_MIN + worker->limbo.count / TURN_DRAIN_SHARE);
    supply_trim(worker);
    return turn_limbo_wait_ms(worker);
}

static unsigned turn_growth(struct store_worker *worker) {
    struct growth *growth = &worker->store->growth;
    /* relaxed: hints; looked at again under the lock. */
    if (worker->growth_hint || atomic_load_explicit(&growth->wanted_size, memory_order_relaxed) != 0) {
        growth_consider(worker);
    }
    if (likely(!growth_is_under_way(worker->store))) {
        return 0;
    }
    growth_step(worker, GROWTH_STEP_TURN);
    return growth_is_under_way(worker->store) ? TURN_BUSY_MS : 0;
}

static unsigned turn_limit(struct store_worker *worker) {
    struct store *store = worker->store;
    if (likely(!atomic_load_explicit(&store->limit_lowered, memory_order_relaxed))) {
        return 0;
    }
    if (pressure_relieve(worker)) {
        return TURN_BUSY_MS;
    }
    atomic_store_explicit(&store->limit_lowered, false, memory_order_relaxed);
    return 0;
}

/* Takes over what workers that have left could not free. */
static void turn_adopt(struct store_worker *worker) {
    struct store *store = worker->store;
    if (likely(!atomic_load_explicit(&store->orphans_wait, memory_order_relaxed)) ||
        pthread_mutex_trylock(&store->lock) != 0) {
        return;
    }
    limbo_adopt(&worker->limbo, &store->orphans);
    counter_add(&worker->limbo_size, store->orphans_size);
    store->orphans_size = 0;
    atomic_store_explicit(&store->orphans_wait, false, memory_order_relaxed);
    pthread_mutex_unlock(&store->lock);
}

unsigned store_quiescent(struct store_worker *worker, uint64_t now_ns) {
    tick_set(worker, now_ns);
    turn_adopt(worker);
    unsigned wait_ms = turn_limbo(worker);
    wait_ms = turn_sooner(wait_ms, turn_growth(worker));
    wait_ms = turn_sooner(wait_ms, turn_limit(worker));
    wait_ms = turn_sooner(wait_ms, tidy_turn(worker));
    return turn_sooner(wait_ms, sweep_turn(worker));
}

void store_offline(struct store_worker *worker) {
    epoch_offline(&worker->member);
}

void store_online(struct store_worker *worker, uint64_t now_ns) {
    epoch_online(&worker->store->epoch, &worker->member);
    tick_set(worker, now_ns);
}
