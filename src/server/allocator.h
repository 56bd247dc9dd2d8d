/* SPDX-License-Identifier: MIT
 *
 * allocator: how it asks the system for memory and when it gives it back. Nothing where a build has the system's own.
 */
#ifndef RIPOSTE_SERVER_ALLOCATOR_H
#define RIPOSTE_SERVER_ALLOCATOR_H

#include <stdbool.h>

/* -L: lets it ask for large pages; it falls back to ordinary ones by itself. */
void allocator_use_large_pages(void);

/*
 * soon: freed memory is given back within about a millisecond, so that what connections no longer hold is not resident beside what
 * others hold by then. Not soon, as at the start: 25 ms after the last free or later, so that values of a megabyte on their way find
 * the pages of those before them (185 us each, 400 with `soon`). Any thread; what holds is what was said last.
 */
void allocator_return_soon(bool soon);

#endif
