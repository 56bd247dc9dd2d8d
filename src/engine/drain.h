/* SPDX-License-Identifier: MIT
 *
 * drain: the stop of a worker. Its own thread only.
 */
#ifndef RIPOSTE_ENGINE_DRAIN_H
#define RIPOSTE_ENGINE_DRAIN_H

#include "worker.h"

/* The engine stops: no more connections; what has been received is answered. More than once does nothing. */
void drain_begin(struct worker *worker);

/* Moves the stop on. Once per turn while stopping. */
void drain_turn(struct worker *worker);

#endif
