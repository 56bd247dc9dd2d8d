/* SPDX-License-Identifier: MIT
 *
 * sweep: see sweep.h.
 */
#include "sweep.h"

#include "riposte/clock.h"
#include "use.h"
#include "walk.h"

enum {
    SWEEP_HOMES_PER_S_MIN = 4096,
    SWEEP_PASS_S = 32,    /* a pass over a large index is spread over so many seconds */
    SWEEP_PIECE_MIN = 16, /* homes: less is left until more has come together */
    SWEEP_PIECE_MAX = 256,
    SWEEP_PIECE_IDLE_MAX = 4096, /* of a worker that had no turn for a while, so that nobody waits for it */
    SWEEP_IDLE_MS = 250,
    SWEEP_WAKE_MS = 1000, /* an idle worker sweeps once a second */
    SWEEP_WAKE_MS_MAX = 3600 * 1000,
    SWEEP_BATCH_MAX = 64,
};

void sweep_lower_due(struct store *store, uint32_t tick) {
    uint32_t due_tick = atomic_load_explicit(&store->sweep_due_tick, memory_order_relaxed);
    while (tick < due_tick &&
           !atomic_compare_exchange_weak_explicit(&store->sweep_due_tick, &due_tick, tick,
                                                  memory_order_relaxed, memory_order_relaxed)) {
        continue;
    }
}

/* Items met and not yet looked at: their lines are on the way meanwhile. */
struct sweep_batch {
    struct store_worker *worker;
    unsigned count;
    struct item *items[SWEEP_BATCH_MAX];
};

static void sweep_look(struct store_worker *worker, const struct item *item) {
    struct sweep *sweep = &worker->store->sweep;
    if (!worker_item_lives(worker, item) && use_reclaim(worker, item) != 0) {
        counter_add(&worker->counters.swept, 1);
        return;
    }
    uint32_t expires_tick = item_expires(item);
    if (expires_tick != STORE_EXPIRES_NEVER && expires_tick < sweep->earliest_tick) {
        sweep->earliest_tick = expires_tick;
    }
}

static void sweep_look_at_batch(struct sweep_batch *batch) {
    for (unsigned i = 0; i < batch->count; i++) {
        sweep_look(batch->worker, batch->items[i]);
    }
    counter_add(&batch->worker->counters.sweep_checked, batch->count);
    batch->count = 0;
}

static void sweep_collect(void *user, struct item *item) {
    struct sweep_batch *batch = user;
    if (batch->count == SWEEP_BATCH_MAX) {
        sweep_look_at_batch(batch);
    }
    __builtin_prefetch(item, 0, 3);
    batch->items[batch->count++] = item;
}

static void sweep_begin_pass(struct store_worker *worker) {
    struct sweep *sweep = &worker->store->sweep;
    sweep->earliest_tick = STORE_SWEEP_IDLE;
    sweep->cursor = (struct store_cursor){0};
    sweep->paid_ns = worker->now_ns;
    /* Before the pass: what is stored from now on lowers it again. relaxed: as sweep_note. */
    atomic_store_explicit(&worker->store->sweep_due_tick, STORE_SWEEP_IDLE, memory_order_relaxed);
    atomic_store_explicit(&sweep->passing, true, memory_order_relaxed);
}

static void sweep_end_pass(struct store *store) {
    atomic_store_explicit(&store->sweep.passing, false, memory_order_relaxed);
    sweep_lower_due(store, store->sweep.earliest_tick);
}

static uint64_t sweep_homes_per_s(const struct sweep *sweep) {
    uint64_t homes_per_s = (UINT64_C(1) << sweep->cursor.power) / SWEEP_PASS_S;
    return homes_per_s < SWEEP_HOMES_PER_S_MIN ? SWEEP_HOMES_PER_S_MIN : homes_per_s;
}

/* How many homes this turn should look at, at the pass's pace. */
static uint64_t sweep_piece(struct store_worker *worker) {
    struct sweep *sweep = &worker->store->sweep;
    uint64_t now_ns = worker->now_ns > sweep->paid_ns ? worker->now_ns : sweep->paid_ns;
    uint64_t behind_ns = now_ns - sweep->paid_ns;
    if (behind_ns > CLOCK_NS_PER_S) {
        behind_ns = CLOCK_NS_PER_S;
        sweep->paid_ns = now_ns - CLOCK_NS_PER_S;
    }
    uint64_t piece_max = behind_ns > SWEEP_IDLE_MS * CLOCK_NS_PER_MS ? SWEEP_PIECE_IDLE_MAX : SWEEP_PIECE_MAX;
    uint64_t piece = sweep_homes_per_s(sweep) * behind_ns / CLOCK_NS_PER_S;
    if (piece < SWEEP_PIECE_MIN) {
        return 0;
    }
    return piece < piece_max ? piece : piece_max;
}

static void sweep_pass_on(struct store_worker *worker) {
    struct sweep *sweep = &worker->store->sweep;
    struct sweep_batch batch = {.worker = worker};
    uint64_t piece = sweep_piece(worker);
    uint64_t homes_count = 0;
    if (piece == 0) {
        return;
    }
    while (homes_count < piece && !sweep->cursor.done) {
        homes_count += walk_step(worker, &sweep->cursor, sweep_collect, &batch);
    }
    sweep_look_at_batch(&batch);
    sweep->paid_ns += homes_count * CLOCK_NS_PER_S / sweep_homes_per_s(sweep);
    if (sweep->cursor.done) {
        sweep_end_pass(worker->store);
    }
}

/* ms until the tick `due_tick` comes. */
static unsigned sweep_wait_ms(uint32_t now_tick, uint32_t due_tick) {
    uint64_t wait_ms = due_tick > now_tick ? (uint64_t)(due_tick - now_tick) * 1000 : SWEEP_WAKE_MS;
    return wait_ms < SWEEP_WAKE_MS_MAX ? (unsigned)wait_ms : SWEEP_WAKE_MS_MAX;
}

unsigned sweep_turn(struct store_worker *worker) {
    struct store *store = worker->store;
    struct sweep *sweep = &store->sweep;
    /* relaxed: looked at again under the lock. */
    uint32_t due_tick = atomic_load_explicit(&store->sweep_due_tick, memory_order_relaxed);
    if (!sweep_is_due(worker)) {
        return due_tick == STORE_SWEEP_IDLE ? 0 : sweep_wait_ms(worker_now_tick(worker), due_tick);
    }
    /* acquire: pairs with the release by the last one, which wrote the plain fields. */
    if (atomic_exchange_explicit(&sweep->locked, true, memory_order_acquire)) {
        return SWEEP_WAKE_MS;
    }
    if (!atomic_load_explicit(&sweep->passing, memory_order_relaxed)) {
        sweep_begin_pass(worker);
    }
    sweep_pass_on(worker);
    atomic_store_explicit(&sweep->locked, false, memory_order_release);
    return SWEEP_WAKE_MS;
}
