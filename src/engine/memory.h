/* SPDX-License-Identifier: MIT
 *
 * memory: what all connections hold together, and its bound.
 *
 *      a worker's sum = chunks that replies own + input copied out + what sessions hold
 *      the engine's   = what workers have published of it; each is at most MEMORY_STEP_SIZE behind
 *
 * Above seven eighths of the bound connections are closed, those first that have taken and sent nothing for a
 * while, the largest first, until three quarters are left. Only a worker that holds more than its share closes;
 * one that sleeps meanwhile is woken. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_MEMORY_H
#define RIPOSTE_ENGINE_MEMORY_H

#include "worker.h"

/* Charges what the connection's input and session hold now. After every turn that has touched it. */
void memory_charge(struct worker *worker, struct conn *conn);

/* What the session may hold after its next call. */
size_t memory_session_max(const struct worker *worker, const struct conn *conn);

/* Publishes the worker's sum where it has changed much, and closes connections above the bound. Once per turn. */
void memory_turn(struct worker *worker);

#endif
