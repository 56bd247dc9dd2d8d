/* SPDX-License-Identifier: MIT
 *
 * expire: the clock as workers read and clients say it, and the moment at which something is due. See expire.h.
 *
 * Worker's own thread, but for store_clock_*.
 */
#include "expire.h"

#include "riposte/clock.h"

/* --- the clock --- */

void expire_start_clock(struct store *store, uint64_t now_ns) {
    if (store->clock_started) {
        return;
    }
    store->clock_started = true;
    store->clock_start_ns = now_ns;
    atomic_init(&store->clock_start_unix_s, clock_real_ns() / CLOCK_NS_PER_S);
}

/* relaxed, here and below: a clock orders nothing. */
static uint64_t clock_start_unix_s(const struct store *store) {
    return atomic_load_explicit(&store->clock_start_unix_s, memory_order_relaxed);
}

/* Modulo 2^64 a sum with a negative number is a difference. */
void store_clock_shift_wall(struct store *store, int64_t seconds) {
    atomic_fetch_add_explicit(&store->clock_start_unix_s, (uint64_t)seconds, memory_order_relaxed);
}

void expire_set_clock(struct store_worker *worker, uint64_t now_ns) {
    struct store *store = worker->store;
    /* relaxed: a clock orders nothing. */
    uint64_t stopped_ns = atomic_load_explicit(&store->clock_stopped_ns, memory_order_relaxed);
    if (unlikely(stopped_ns != 0) && now_ns > stopped_ns) {
        now_ns = stopped_ns;
    }
    if (now_ns > worker->now_ns) {
        worker->now_ns = now_ns;
    }
    uint64_t elapsed_ns = worker->now_ns > store->clock_start_ns ? worker->now_ns - store->clock_start_ns : 0;
    worker->now_tick = STORE_TICK_FIRST + (uint32_t)(elapsed_ns / CLOCK_NS_PER_S);
}

uint32_t store_now_tick(const struct store_worker *worker) {
    return worker_now_tick(worker);
}

/* A tick for a Unix time. Times before the clock's start have no tick; those beyond its range never come. */
static uint32_t tick_of_unix(const struct store_worker *worker, uint64_t unix_s) {
    uint64_t start_unix_s = clock_start_unix_s(worker->store);
    if ((int64_t)unix_s <= (int64_t)start_unix_s) { /* of a clock that was set to 1970, it is before that */
        return STORE_EXPIRED;
    }
    uint64_t tick = unix_s - start_unix_s + STORE_TICK_FIRST;
    return tick < UINT32_MAX ? (uint32_t)tick : STORE_EXPIRES_NEVER;
}

uint32_t store_expiry(const struct store_worker *worker, int64_t exptime) {
    if (exptime == 0) {
        return STORE_EXPIRES_NEVER;
    }
    if (exptime < 0) {
        return STORE_EXPIRED;
    }
    if (exptime <= STORE_TTL_RELATIVE_MAX) {
        return worker_now_tick(worker) + (uint32_t)exptime;
    }
    return tick_of_unix(worker, (uint64_t)exptime);
}

uint64_t store_tick_unix_s(const struct store_worker *worker, uint32_t tick) {
    uint64_t unix_s = clock_start_unix_s(worker->store) + tick;
    return unix_s > STORE_TICK_FIRST ? unix_s - STORE_TICK_FIRST : 0;
}

uint64_t store_clock_unix_s(const struct store *store, uint64_t now_ns) {
    uint64_t elapsed_ns = now_ns > store->clock_start_ns ? now_ns - store->clock_start_ns : 0;
    uint32_t advance_s = atomic_load_explicit(&store->clock_advance_s, memory_order_relaxed); /* as above */
    return clock_start_unix_s(store) + elapsed_ns / CLOCK_NS_PER_S + advance_s;
}

void store_clock_advance(struct store *store, uint32_t seconds) {
    atomic_fetch_add_explicit(&store->clock_advance_s, seconds, memory_order_relaxed);
}

void store_clock_stop(struct store *store, uint64_t now_ns) {
    atomic_store_explicit(&store->clock_stopped_ns, now_ns, memory_order_relaxed);
}

void store_clock_restart(struct store *store) {
    atomic_store_explicit(&store->clock_stopped_ns, 0, memory_order_relaxed);
}

/* --- what is due --- */

void expire_lower_due(struct store *store, uint32_t tick) {
    uint32_t due_tick = atomic_load_explicit(&store->sweep.due_tick, memory_order_relaxed);
    while (tick < due_tick &&
           !atomic_compare_exchange_weak_explicit(&store->sweep.due_tick, &due_tick, tick,
                                                  memory_order_relaxed, memory_order_relaxed)) {
        continue;
    }
}
