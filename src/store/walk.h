/* SPDX-License-Identifier: MIT
 *
 * walk: going through the whole index a little at a time, while it may grow and shrink. See walk.c.
 *
 * Worker's own thread.
 */
#ifndef RIPOSTE_STORE_WALK_H
#define RIPOSTE_STORE_WALK_H

#include "index.h"

/*
 * Calls `look` for the homes of the next steps, at most some more than homes_max, and moves the cursor on. No home is
 * split or joined meanwhile; none is locked.
 */
void walk_homes(struct store_worker *worker, struct store_cursor *cursor, unsigned homes_max,
                void (*look)(void *user, struct bucket *home), void *user);

#endif
