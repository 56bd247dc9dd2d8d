/* SPDX-License-Identifier: MIT
 *
 * memory: what all connections hold together, and its bound.
 *
 *      a worker's sum = chunks that replies own + input copied out + what sessions hold
 *      the engine's   = what workers have published of it; each is at most MEMORY_STEP_SIZE behind
 *
 * What happens at the bound is in shed.c. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_MEMORY_H
#define RIPOSTE_ENGINE_MEMORY_H

#include "worker.h"

/* Charges what the connection's input and session hold now. After every turn that has touched it. */
void memory_charge(struct worker *worker, struct conn *conn);

/* What the session may hold after its next call. */
size_t memory_session_max(const struct worker *worker, const struct conn *conn);

/* What this worker's connections hold. */
uint64_t memory_worker_size(const struct worker *worker);

/* What one connection holds. */
static inline size_t memory_conn_size(const struct conn *conn) {
    return (size_t)conn->held_size + conn->reply.memory_size;
}

/* Publishes the worker's sum where it has changed much. Once per turn. */
void memory_publish(struct worker *worker);

#endif
