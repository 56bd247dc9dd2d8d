/* SPDX-License-Identifier: MIT
 *
 * walk: going through the whole index a little at a time, while it may grow.
 *
 * A walk that began with 2^p homes counts through the p lower bits of the hash, for good. A home of that
 * table is now a set of homes of a larger one: those whose number has the same p lower bits. All of them
 * are looked at in one step, so an item, which never changes its hash, belongs to exactly one step. Between
 * steps nothing is held.
 */
#ifndef RIPOSTE_STORE_WALK_H
#define RIPOSTE_STORE_WALK_H

#include "state.h"

/*
 * One step: calls `look` for each item there, live or not, and sets cursor->done after the last. Returns
 * how many homes it took.
 */
unsigned walk_step(struct store_worker *worker, struct store_cursor *cursor,
                   void (*look)(void *user, struct item *item), void *user);

#endif
