/* SPDX-License-Identifier: MIT
 *
 * memory: what all connections hold together, and its bound.
 *
 *      a worker's sum = chunks that replies own + input copied out + what sessions hold
 *      the engine's   = what workers have published of it; each is at most MEMORY_STEP_SIZE behind
 *
 * What a connection holds is charged to its worker by worker_charge.
 *
 *      0                                   12/16   13/16    15/16   16/16 of the bound
 *      |------------------------------------|-------|--------|-------|
 *                          closing ends here  begins  no call  input not kept
 *
 * At thirteen sixteenths shed.h begins to close connections, and ends when twelve are left.
 *
 * All sessions together hold at most three quarters: a request that needs more waits, or is refused. Sessions that wait keep what they
 * hold; those of one worker together at most its share of a thirty-second of the bound, and one session more. The rest is for those that go on.
 * Behind one that has begun to wait comes what its receive brings before it is stopped: at most what all buffers of its worker hold.
 *
 * Below fifteen sixteenths one call of a protocol may add its worker's share of what is left, or a single answer; above nobody is
 * served, what came waits for the next turn. Since it must be kept until then, its memory is set aside first: whose input has no
 * place below the bound is closed. What is left above the bound is the last answers and chunks of the workers.
 *
 * The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_MEMORY_H
#define RIPOSTE_ENGINE_MEMORY_H

#include "engine_state.h"
#include "riposte/check.h"
#include "worker.h"

/* How far a worker's published sum may be behind: a line that all workers write is touched that seldom. */
enum { MEMORY_STEP_SIZE = 64 * 1024 };

/* What a session needs to know what it waits for. */
enum { MEMORY_FIRST_SIZE = 4 * 1024 };

/* A share that is at most the workers' part of `size`: by the next power of two, since a division costs more than a get's parse. */
static inline uint64_t memory_share(const struct engine *engine, uint64_t size) {
    return size >> (engine->workers_count <= 1 ? 0 : 32 - __builtin_clz(engine->workers_count - 1));
}

/* All workers' steps together are at most a sixteenth of the bound. */
static inline uint64_t memory_step_size(const struct engine *engine) {
    uint64_t share_size = memory_share(engine, engine->config.conn_memory_size_max / 16);
    return share_size < MEMORY_STEP_SIZE ? share_size : MEMORY_STEP_SIZE;
}

/* The worker's part of the bounds. Before it serves. */
void memory_init(struct worker *worker);

/* What this worker's connections hold. */
static inline uint64_t memory_worker_size(const struct worker *worker) {
    return worker->held_size + worker->reply_pool.lent_size;
}

/* How much this worker's connections may hold more at present; 0: nobody is served now. Before each call of a protocol. */
static inline uint64_t memory_room_size(const struct worker *worker) {
    const struct engine *engine = worker->engine;
    uint64_t most_size = engine->config.conn_memory_size_max / 16 * 15;
    /* relaxed: a number that may be a little old; nothing is reached through it. */
    uint64_t all_size = atomic_load_explicit(&engine->conn_memory_size, memory_order_relaxed);
    return likely(all_size < most_size) ? memory_share(engine, most_size - all_size) : 0;
}

/* A session that needs more may wait for it. Before each call. */
static inline bool memory_may_wait(const struct worker *worker, const struct conn *conn) {
    return conn->awaits_room || worker->waiting_size < worker->waiting_size_max;
}

/*
 * How much more sessions may hold: as much as closing leaves, so that they alone never bring it so far. One that holds nothing gets what it
 * needs to wait. Before each call.
 */
static inline size_t memory_session_room(const struct worker *worker, const struct conn *conn) {
    const struct engine *engine = worker->engine;
    uint64_t most_size = engine->config.conn_memory_size_max / 4 * 3;
    /* relaxed, both: as memory_room_size; the first contains the second. */
    uint64_t all_size = atomic_load_explicit(&engine->conn_memory_size, memory_order_relaxed);
    uint64_t published_size = atomic_load_explicit(&worker->published_size, memory_order_relaxed);
    all_size += memory_worker_size(worker) - published_size;
    size_t room_size = likely(all_size < most_size) ? (size_t)(most_size - all_size) : 0;
    if (unlikely(room_size < MEMORY_FIRST_SIZE) && conn->session_memory_size == 0 &&
        memory_may_wait(worker, conn)) {
        return MEMORY_FIRST_SIZE;
    }
    return room_size;
}

/*
 * Sets `size` bytes aside before they are had: false, and nothing is, where the bound would be passed. Two workers cannot have the
 * same room. The next memory_publish_difference counts what there is.
 */
bool memory_reserve(struct worker *worker, uint64_t size);

/*
 * Unsent output of connections that are frozen (freeze.h) has an account of its own with the same bound: takes `size` bytes of it, for good,
 * until the engine is resumed. False, and nothing is taken: they are not there.
 */
bool memory_take_frozen(struct worker *worker, size_t size);

/* Makes the engine's sum exact for this worker. */
void memory_publish_difference(struct worker *worker);

/* Publishes the worker's sum where it has changed much. */
static inline void memory_publish(struct worker *worker) {
    uint64_t size = memory_worker_size(worker);
    /* relaxed: only this worker writes it. */
    uint64_t published_size = atomic_load_explicit(&worker->published_size, memory_order_relaxed);
    uint64_t difference = size > published_size ? size - published_size : published_size - size;
    if (unlikely(difference >= memory_step_size(worker->engine))) {
        memory_publish_difference(worker);
    }
}

/* The connection waits for memory, or does not any more. */
void memory_note_waiting(struct worker *worker, struct conn *conn, bool waits);

#endif
