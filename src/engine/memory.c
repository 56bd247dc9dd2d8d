/* SPDX-License-Identifier: MIT
 *
 * memory: adds up what connections hold. See memory.h.
 */
#include "memory.h"

void memory_init(struct worker *worker) {
    const struct engine *engine = worker->engine;
    worker->waiting_size_max = memory_share(engine, engine->config.conn_memory_size_max / 32);
}

void memory_publish_difference(struct worker *worker) {
    uint64_t size = memory_worker_size(worker);
    /* relaxed, here and below: only this worker writes it. */
    uint64_t published_size = atomic_load_explicit(&worker->published_size, memory_order_relaxed);
    atomic_store_explicit(&worker->published_size, size, memory_order_relaxed);
    /* relaxed: a sum; what it counts is not reached through it. */
    atomic_fetch_add_explicit(&worker->engine->conn_memory_size, size - published_size, memory_order_relaxed);
}

bool memory_reserve(struct worker *worker, uint64_t size) {
    _Atomic uint64_t *all = &worker->engine->conn_memory_size;
    uint64_t most_size = worker->engine->config.conn_memory_size_max;
    memory_publish_difference(worker);
    /* relaxed: whoever adds sees what others have added to the same number; nothing is reached through it. */
    if (atomic_fetch_add_explicit(all, size, memory_order_relaxed) + size > most_size) {
        atomic_fetch_sub_explicit(all, size, memory_order_relaxed);
        return false;
    }
    /* relaxed: only this worker writes it. */
    uint64_t published_size = atomic_load_explicit(&worker->published_size, memory_order_relaxed);
    atomic_store_explicit(&worker->published_size, published_size + size, memory_order_relaxed);
    return true;
}

bool memory_take_frozen(struct worker *worker, size_t size) {
    struct engine *engine = worker->engine;
    /* relaxed: only the number matters, nothing is published through it. */
    uint64_t before_size = atomic_fetch_add_explicit(&engine->frozen_size, size, memory_order_relaxed);
    if (before_size + size <= engine->config.conn_memory_size_max) {
        return true;
    }
    atomic_fetch_sub_explicit(&engine->frozen_size, size, memory_order_relaxed);
    return false;
}

uint64_t engine_conn_memory_size(const struct engine *engine) {
    /* relaxed: a number for people. */
    return atomic_load_explicit(&engine->conn_memory_size, memory_order_relaxed);
}

void memory_note_waiting(struct worker *worker, struct conn *conn, bool waits) {
    worker->waiting_size -= conn->awaits_room ? conn->held_size : 0;
    worker->waiting_size += waits ? conn->held_size : 0;
    conn->awaits_room = waits;
    if (waits) {
        conn->active_ms = worker->now_ms; /* it is not its client that does not move */
    }
}
