/* SPDX-License-Identifier: MIT
 *
 * memory: what all connections hold together, and its bound.
 *
 *      a worker's sum = chunks that replies own + input copied out + what sessions hold
 *      the engine's   = what workers have published of it; each is at most MEMORY_STEP_SIZE behind
 *
 * What a connection holds is charged to its worker by worker_charge.
 *
 * Above seven eighths of the bound connections are closed, those first that have moved nothing for a while, the
 * largest first, until three quarters are left. Only a worker that holds more than its share closes; one that sleeps
 * meanwhile is woken. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_MEMORY_H
#define RIPOSTE_ENGINE_MEMORY_H

#include "worker.h"

/* How much more sessions may hold in this turn (worker.session_room_size). Once per turn, at its begin. */
void memory_begin(struct worker *worker);

/* Publishes the worker's sum where it has changed much, and closes connections above the bound. Once per turn. */
void memory_turn(struct worker *worker);

#endif
