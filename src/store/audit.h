/* SPDX-License-Identifier: MIT
 *
 * audit: the whole-structure checker, for tests and assert_slow. Only while no other worker writes.
 */
#ifndef RIPOSTE_STORE_AUDIT_H
#define RIPOSTE_STORE_AUDIT_H

#include "state.h"

/*
 * Every entry carries its hash's tag and stands in its home; no key is there twice; no lock is held;
 * migrated homes are those below the migration's position and only those; the counts of items and overflow
 * buckets are those found. Says on stderr what is wrong.
 */
bool audit_index(struct store *store);

#endif
