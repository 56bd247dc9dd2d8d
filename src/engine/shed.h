/* SPDX-License-Identifier: MIT
 *
 * shed: what happens at the bound of what all connections hold together (memory.h).
 *
 * Above seven eighths of it connections are closed, those first that have moved nothing for a while, the largest
 * first, until three quarters are left. Only a worker that holds more than its share closes; one that sleeps
 * meanwhile is woken. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_SHED_H
#define RIPOSTE_ENGINE_SHED_H

#include "worker.h"

/* Closes connections above the bound. Once per turn. */
void shed_turn(struct worker *worker);

#endif
