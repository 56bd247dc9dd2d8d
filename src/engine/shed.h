/* SPDX-License-Identifier: MIT
 *
 * shed: connections are closed when all together hold too much (memory.h draws the bound).
 *
 * Above thirteen sixteenths of the bound those go first that have moved nothing for a while, the largest first, until three
 * quarters are left. Only a worker that holds more than its share closes; one that sleeps meanwhile is woken.
 *
 * When a session waits for memory, or was refused some (shed_want), connections that have moved nothing for SHED_STALE_MS are closed
 * until there is room for it: a client that holds memory and does nothing cannot lock others out.
 *
 * Whoever seems to have moved nothing, but has sent bytes that the kernel still has, or taken some so that it has room for more, is
 * spared: it was this worker that did not move.
 *
 * The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_SHED_H
#define RIPOSTE_ENGINE_SHED_H

#include <stdint.h>

struct worker;

/* Publishes the worker's sum where it has changed much, and closes connections above the bound. Once per turn. */
void shed_turn(struct worker *worker);

/* A session was refused `size` bytes, or waits for them: for a while there shall be room for them. */
void shed_want(struct worker *worker, uint64_t size);

#endif
