/* SPDX-License-Identifier: MIT
 *
 * tick: the store's clock, and the flushes that wait for it.
 *
 *      monotonic ns --tick_set, once per turn--> worker->now_fine --+ clock_advance_s--> tick
 *                                                sixteenths of a second                  seconds
 */
#ifndef RIPOSTE_STORE_TICK_H
#define RIPOSTE_STORE_TICK_H

#include "state.h"

/* The first joining starts the clock. Under store->lock. */
void tick_start(struct store *store, uint64_t now_ns);

/* Sets the worker's time, never back, and carries out a flush that falls due. Worker's own thread. */
void tick_set(struct store_worker *worker, uint64_t now_ns);

#endif
