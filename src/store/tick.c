/* SPDX-License-Identifier: MIT
 *
 * tick: see tick.h. Worker's own thread, but for store_clock_*.
 */
#include "tick.h"

#include "riposte/clock.h"
#include "sweep.h"

#define TICK_FINE_NS (CLOCK_NS_PER_S / ITEM_USED_PER_TICK)

void tick_start(struct store *store, uint64_t now_ns) {
    if (store->clock_started) {
        return;
    }
    store->clock_started = true;
    store->clock_start_ns = now_ns;
    store->clock_start_unix_s = clock_real_ns() / CLOCK_NS_PER_S;
}

/* Everything stored so far is gone. */
static void flush_now(struct store *store, uint32_t now_tick) {
    /*
     * relaxed: an item whose store was answered before the flush was asked for has its number already
     * (messages order the two).
     */
    uint64_t sequence = atomic_load_explicit(&store->sequence, memory_order_relaxed);
    uint64_t flushed = atomic_load_explicit(&store->flush_sequence, memory_order_relaxed);
    while (flushed < sequence &&
           !atomic_compare_exchange_weak_explicit(&store->flush_sequence, &flushed, sequence,
                                                  memory_order_relaxed, memory_order_relaxed)) {
        continue;
    }
    sweep_note(store, now_tick);
}

/* Of all workers whose clock has passed the moment, the first one carries the flush out. */
static void flush_fall_due(struct store_worker *worker, uint32_t at_tick) {
    if (atomic_compare_exchange_strong_explicit(&worker->store->flush_at_tick, &at_tick, 0,
                                                memory_order_relaxed, memory_order_relaxed)) {
        flush_now(worker->store, worker_now_tick(worker));
    }
}

void store_flush(struct store_worker *worker, uint32_t at_tick) {
    uint32_t now_tick = worker_now_tick(worker);
    bool at_once = at_tick <= now_tick;
    atomic_store_explicit(&worker->store->flush_at_tick, at_once ? 0 : at_tick, memory_order_relaxed);
    if (at_once) {
        flush_now(worker->store, now_tick);
    }
}

void tick_set(struct store_worker *worker, uint64_t now_ns) {
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
    worker->now_fine = (uint64_t)STORE_TICK_FIRST * ITEM_USED_PER_TICK + elapsed_ns / TICK_FINE_NS;
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
    uint64_t start_unix_s = worker->store->clock_start_unix_s;
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
    uint64_t unix_s = worker->store->clock_start_unix_s + tick;
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
