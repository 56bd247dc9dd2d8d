/* SPDX-License-Identifier: MIT
 *
 * clock: the store's clock, and the flushes that wait for it.
 *
 *      monotonic ns --clock_set, once per turn--> worker->now_tick --+ clock_advance_s--> tick
 *
 * Worker's own thread, but for store_clock_*.
 */
#include "riposte/clock.h"

#include "evict.h"
#include "state.h"

void clock_start(struct store *store, uint64_t now_ns) {
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

/*
 * Everything stored so far is gone: what stands in segments opened before. The number is drawn and set under the
 * lock under which segments get theirs, so whoever copies an item into a segment opened after the flush has seen
 * the flush, and the item's death, before.
 */
static void flush_now(struct store *store) {
    struct arena *arena = &store->arena;
    arena_lock(arena);
    uint64_t number = atomic_load_explicit(&arena->sequence, memory_order_relaxed) + 1;
    atomic_store_explicit(&arena->sequence, number, memory_order_relaxed);
    atomic_store_explicit(&arena->flush_number, number, memory_order_relaxed);
    atomic_store_explicit(&store->doubt_number, number, memory_order_release);
    arena_unlock(arena);
    /* relaxed: a hint; the next turn of any worker looks. */
    atomic_store_explicit(&store->flushed_wait, true, memory_order_relaxed);
}

/* Of all workers whose clock has passed the moment, the first one carries the flush out. */
static void flush_fall_due(struct store_worker *worker, uint32_t at_tick) {
    if (atomic_compare_exchange_strong_explicit(&worker->store->flush_at_tick, &at_tick, 0,
                                                memory_order_relaxed, memory_order_relaxed)) {
        flush_now(worker->store);
    }
}

void store_flush(struct store_worker *worker, uint32_t at_tick) {
    bool at_once = at_tick <= worker_now_tick(worker);
    atomic_store_explicit(&worker->store->flush_at_tick, at_once ? 0 : at_tick, memory_order_relaxed);
    if (at_once) {
        flush_now(worker->store);
    }
}

void clock_set(struct store_worker *worker, uint64_t now_ns) {
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
    uint32_t flush_at_tick = atomic_load_explicit(&store->flush_at_tick, memory_order_relaxed);
    if (unlikely(flush_at_tick != 0) && flush_at_tick <= worker_now_tick(worker)) {
        flush_fall_due(worker, flush_at_tick);
    }
}

uint32_t store_now_tick(const struct store_worker *worker) {
    return worker_now_tick(worker);
}

/* A tick for a Unix time. Times before the clock's start have no tick; those beyond its range never come. */
static uint32_t tick_of_unix(const struct store_worker *worker, uint64_t unix_s) {
    uint64_t start_unix_s = clock_start_unix_s(worker->store);
    if (unix_s <= start_unix_s) {
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

void store_clock_advance(struct store *store, uint32_t seconds) {
    atomic_fetch_add_explicit(&store->clock_advance_s, seconds, memory_order_relaxed);
}

void store_clock_stop(struct store *store, uint64_t now_ns) {
    atomic_store_explicit(&store->clock_stopped_ns, now_ns, memory_order_relaxed);
}

void store_clock_restart(struct store *store) {
    atomic_store_explicit(&store->clock_stopped_ns, 0, memory_order_relaxed);
}
