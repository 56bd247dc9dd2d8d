/* SPDX-License-Identifier: MIT
 *
 * move: all connections of one engine go to another one in the same process, as they would to another process: descriptors are
 * duplicated, records copied. Every failure ends the Criterion test.
 */
#ifndef TESTS_MOVE_H
#define TESTS_MOVE_H

#include "riposte/engine_move.h"

/* Every connection of the engine is frozen. */
void move_freeze(struct engine *engine);

/* The frozen engine goes on with its own connections. */
void move_take_back(struct engine *engine);

/*
 * An engine on the old one's sockets, made from `config` with one listen, waits until all of the old one's connections are its own, which
 * it serves then; the old one is gone.
 */
struct engine *move_to_new(struct engine *old, const struct engine_config *config);

#endif
