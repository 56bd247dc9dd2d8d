/* SPDX-License-Identifier: MIT
 *
 * tidy: gives back memory that only its own thread can give back.
 *
 * Two kinds: blocks on the shelf that were not needed for a while, and blocks of this thread's pages that
 * other threads have freed, which the allocator leaves for the owner to find. A worker that does nothing
 * would keep both for ever, so it is woken now and then: every second while anything moves, up to every
 * half minute while nothing does, and never while its shelf is empty and the store far from full.
 *
 * Looking for what others have freed means walking all pages of the thread, so it is done only when the
 * workers have returned a good part of the limit to the allocator since the last time, and never for more
 * than a small share of the time. Own thread.
 */
#ifndef RIPOSTE_STORE_TIDY_H
#define RIPOSTE_STORE_TIDY_H

#include "state.h"

/* Once per turn. Returns within how many ms it wants to be called again; 0: no need. */
unsigned tidy_turn(struct store_worker *worker);

#endif
