/* SPDX-License-Identifier: MIT
 *
 * memory: adds up what connections hold.
 */
#include "memory.h"

#include "engine_state.h"
#include "riposte/check.h"

/* How far a worker's published sum may be behind: a line that all workers write is touched that seldom. */
enum { MEMORY_STEP_SIZE = 64 * 1024 };

void memory_charge(struct worker *worker, struct conn *conn) {
    uint32_t held_size = conn->input.owned_capacity + conn->session_memory_size;
    worker->held_size += held_size;
    worker->held_size -= conn->held_size;
    conn->held_size = held_size;
}

uint64_t memory_worker_size(const struct worker *worker) {
    return worker->held_size + worker->reply_pool.lent_size;
}

size_t memory_session_max(const struct worker *worker, const struct conn *conn) {
    const struct engine *engine = worker->engine;
    /* relaxed: a number that may be a little old; nothing is reached through it. */
    uint64_t all_size = atomic_load_explicit(&engine->conn_memory_size, memory_order_relaxed);
    uint64_t published_size = atomic_load_explicit(&worker->published_size, memory_order_relaxed);
    uint64_t own_size = memory_worker_size(worker);
    uint64_t now_size = all_size - (published_size < all_size ? published_size : all_size) + own_size;
    /* As much as memory_check leaves: sessions alone never bring it so far that somebody is closed. */
    uint64_t most_size = engine->config.conn_memory_size_max / 4 * 3;
    uint64_t left_size = now_size < most_size ? most_size - now_size : 0;
    return conn->session_memory_size + (size_t)left_size;
}

void memory_publish(struct worker *worker) {
    uint64_t size = memory_worker_size(worker);
    /* relaxed, here and below: only this worker writes it. */
    uint64_t published_size = atomic_load_explicit(&worker->published_size, memory_order_relaxed);
    uint64_t difference = size > published_size ? size - published_size : published_size - size;
    if (unlikely(difference >= MEMORY_STEP_SIZE)) {
        atomic_store_explicit(&worker->published_size, size, memory_order_relaxed);
        /* relaxed: a sum; what it counts is not reached through it. */
        atomic_fetch_add_explicit(&worker->engine->conn_memory_size, size - published_size,
                                  memory_order_relaxed);
    }
}

uint64_t engine_conn_memory_size(const struct engine *engine) {
    /* relaxed: a number for people. */
    return atomic_load_explicit(&engine->conn_memory_size, memory_order_relaxed);
}
