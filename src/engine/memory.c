/* SPDX-License-Identifier: MIT
 *
 * memory: adds up what connections hold, and closes those that hold most when it is too much.
 */
#include "memory.h"

#include "close.h"
#include "engine_state.h"
#include "riposte/check.h"

enum {
    /* How far a worker's published sum may be behind: a line that all workers write is touched that seldom. */
    MEMORY_STEP_SIZE = 64 * 1024,
    /* A connection that has moved nothing for so long is closed before one that moves. */
    MEMORY_QUIET_MS = 100,
    MEMORY_CLOSES_MAX = 16,       /* of one turn */
    MEMORY_SLOTS_PER_TURN = 4096, /* looked at in one turn: a table may have a million */
};

/* One that may be closed. */
struct candidate {
    struct conn *conn;
    size_t size;
    bool quiet;
};

static size_t conn_held_size(const struct conn *conn) {
    return (size_t)conn->held_size + conn->reply.memory_size;
}

void memory_charge(struct worker *worker, struct conn *conn) {
    uint32_t held_size = conn->input.owned_capacity + conn->session_memory_size;
    worker->held_size += held_size;
    worker->held_size -= conn->held_size;
    conn->held_size = held_size;
}

static uint64_t worker_memory_size(const struct worker *worker) {
    return worker->held_size + worker->reply_pool.lent_size;
}

size_t memory_session_max(const struct worker *worker, const struct conn *conn) {
    const struct engine *engine = worker->engine;
    /* relaxed: a number that may be a little old; nothing is reached through it. */
    uint64_t all_size = atomic_load_explicit(&engine->conn_memory_size, memory_order_relaxed);
    uint64_t published_size = atomic_load_explicit(&worker->published_size, memory_order_relaxed);
    uint64_t own_size = worker_memory_size(worker);
    uint64_t now_size = all_size - (published_size < all_size ? published_size : all_size) + own_size;
    uint64_t most_size = engine->config.conn_memory_size_max;
    uint64_t left_size = now_size < most_size ? most_size - now_size : 0;
    return conn->session_memory_size + (size_t)left_size;
}

/* Which of two is closed first. */
static bool candidate_before(const struct candidate *left, const struct candidate *right) {
    return left->quiet != right->quiet ? left->quiet : left->size > right->size;
}

/* Keeps the list ordered, the first to be closed first; what falls off its end is forgotten. */
static void candidates_add(struct candidate *list, unsigned *count, struct candidate candidate) {
    unsigned place = *count;
    while (place > 0 && candidate_before(&candidate, &list[place - 1])) {
        if (place < MEMORY_CLOSES_MAX) {
            list[place] = list[place - 1];
        }
        place--;
    }
    if (place < MEMORY_CLOSES_MAX) {
        list[place] = candidate;
        *count += *count < MEMORY_CLOSES_MAX;
    }
}

/*
 * The candidates among the next slots, going on where the turn before has ended; and in *leaving_size what is
 * about to be freed, since its connections are closing.
 */
static unsigned memory_find(struct worker *worker, struct candidate list[MEMORY_CLOSES_MAX],
                            uint64_t *leaving_size) {
    unsigned count = 0;
    uint32_t slots_count = worker->conns.used_count;
    uint32_t looks = slots_count < MEMORY_SLOTS_PER_TURN ? slots_count : MEMORY_SLOTS_PER_TURN;
    for (uint32_t i = 0; i < looks; i++) {
        worker->memory_next = worker->memory_next + 1 < slots_count ? worker->memory_next + 1 : 0;
        struct conn *conn = conn_at(&worker->conns, worker->memory_next);
        if (conn->state == CONN_FREE || conn_held_size(conn) == 0) {
            continue;
        }
        if (conn->state == CONN_CLOSING) {
            *leaving_size += conn_held_size(conn);
            continue;
        }
        candidates_add(list, &count,
                       (struct candidate){
                           .conn = conn,
                           .size = conn_held_size(conn),
                           .quiet = worker->now_ms - conn->active_ms >= MEMORY_QUIET_MS,
                       });
    }
    return count;
}

static void memory_close(struct worker *worker, uint64_t excess_size) {
    struct candidate list[MEMORY_CLOSES_MAX];
    uint64_t freed_size = 0;
    unsigned count = memory_find(worker, list, &freed_size);
    for (unsigned i = 0; i < count && freed_size < excess_size; i++) {
        freed_size += list[i].size;
        close_begin(worker, list[i].conn, CLOSE_CONN_MEMORY);
    }
}

/* Above its share are those that the bound is for: they may sleep, since nothing happens on what they hold. */
static void memory_wake_others(const struct worker *worker, uint64_t share_size) {
    const struct engine *engine = worker->engine;
    for (unsigned i = 0; i < engine->workers_count; i++) {
        struct worker *other = engine->workers[i];
        /* relaxed: as above. */
        if (other != worker &&
            atomic_load_explicit(&other->published_size, memory_order_relaxed) > share_size) {
            worker_wake(other);
        }
    }
}

static void memory_check(struct worker *worker) {
    const struct engine *engine = worker->engine;
    uint64_t most_size = engine->config.conn_memory_size_max;
    /* relaxed: as above. */
    uint64_t all_size = atomic_load_explicit(&engine->conn_memory_size, memory_order_relaxed);
    if (likely(all_size <= most_size / 8 * 7)) {
        return;
    }
    uint64_t share_size = most_size / 4 * 3 / engine->workers_count;
    uint64_t own_size = worker_memory_size(worker);
    uint64_t excess_size = all_size - most_size / 4 * 3;
    if (own_size > share_size) {
        uint64_t own_excess_size = own_size - share_size;
        memory_close(worker, own_excess_size < excess_size ? own_excess_size : excess_size);
    }
    if (worker->memory_woke_ms != worker->now_ms) {
        worker->memory_woke_ms = worker->now_ms;
        memory_wake_others(worker, share_size);
    }
}

void memory_turn(struct worker *worker) {
    uint64_t size = worker_memory_size(worker);
    /* relaxed, here and below: only this worker writes it. */
    uint64_t published_size = atomic_load_explicit(&worker->published_size, memory_order_relaxed);
    uint64_t difference = size > published_size ? size - published_size : published_size - size;
    if (unlikely(difference >= MEMORY_STEP_SIZE)) {
        atomic_store_explicit(&worker->published_size, size, memory_order_relaxed);
        /* relaxed: a sum; what it counts is not reached through it. */
        atomic_fetch_add_explicit(&worker->engine->conn_memory_size, size - published_size,
                                  memory_order_relaxed);
    }
    if (unlikely(size > 0)) {
        memory_check(worker);
    }
}

uint64_t engine_conn_memory_size(const struct engine *engine) {
    /* relaxed: a number for people. */
    return atomic_load_explicit(&engine->conn_memory_size, memory_order_relaxed);
}
