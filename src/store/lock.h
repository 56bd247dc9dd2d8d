/* SPDX-License-Identifier: MIT
 *
 * lock: the lock of a home bucket, one bit of its header word.
 *
 * The header of a home is written by the holder of the lock only. Held for the change of one entry or the
 * migration of one home; a holder allocates nothing, waits for nothing and takes no second lock, so there
 * is no order of locks to keep.
 */
#ifndef RIPOSTE_STORE_LOCK_H
#define RIPOSTE_STORE_LOCK_H

#include <stdbool.h>

#include "state.h"

/*
 * Waits for the lock; false when the home was migrated: the key lives in the next table, and nothing is
 * locked.
 */
bool lock_take(struct store_worker *worker, struct bucket *home);

void lock_release(struct bucket *home);

/* Marks the home as migrated and releases it. */
void lock_release_migrated(struct bucket *home);

#endif
