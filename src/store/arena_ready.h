/* SPDX-License-Identifier: MIT
 *
 * arena_ready: free segments that keep their memory, so that the next one that is opened costs no page faults; and when they lose it.
 *
 *      taken <------- ready -------> bare: its memory is the system's
 *        |              ^    strip
 *        +--- given ----+
 *
 * They are charged to the limit as before. Slots lose their memory when more of them were ready, at every moment of a second, than
 * stores may need at once (arena_reserve): where keys are written over and over whole segments die as fast as new ones are opened,
 * never quite evenly, and memory that goes back only to be asked for again costs a set of 64 KiB a seventh of its time. Above the
 * limit they lose it at once, slots and windows alike. Windows are kept as arena_give says.
 */
#ifndef RIPOSTE_STORE_ARENA_READY_H
#define RIPOSTE_STORE_ARENA_READY_H

#include "arena.h"

enum {
    ARENA_READY_LOOK_MS = 1000
}; /* what was ready so long is not needed: it goes after one to two of these */

/* The slot that was added last, or SEGMENT_NONE. Its memory stays charged. Under the lock, as the next three. */
uint32_t arena_ready_take_slot(struct arena *arena);
void arena_ready_add_slot(struct arena *arena, uint32_t index);

/* The same of windows of a class, which may have less memory than the window has room for: segment.size. */
uint32_t arena_ready_take_window(struct arena *arena, struct arena_class *class);
void arena_ready_add_window(struct arena *arena, struct arena_class *class, uint32_t index);

/*
 * Takes the memory of one; false when none is ready. Of windows the largest goes first. Under the lock, which is let go
 * meanwhile.
 */
bool arena_ready_strip_slot(struct arena *arena);
bool arena_ready_strip_window(struct arena *arena);

/* Takes the memory of all of them. Takes the lock, as the next. */
void arena_ready_strip(struct arena *arena);

/*
 * Takes the memory of one that is not needed. Returns after how many ms it wants to be called again (at most ARENA_READY_LOOK_MS and
 * one more); 0: there is nothing to do.
 */
unsigned arena_ready_trim(struct arena *arena, uint64_t now_ns);

#endif
