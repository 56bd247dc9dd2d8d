/* SPDX-License-Identifier: MIT
 *
 * check: two levels of assertion, and what the compiler is told of the path of a request.
 *
 * assert (from <assert.h>) is for what costs a comparison; it stays on in release builds. assert_slow is for
 * checkers that walk a whole structure; it is on in debug, sanitizer and fuzz builds only
 * (RIPOSTE_SLOW_CHECKS). Neither may have a side effect.
 */
#ifndef RIPOSTE_CHECK_H
#define RIPOSTE_CHECK_H

#include <assert.h>

#ifdef RIPOSTE_SLOW_CHECKS
#define assert_slow(condition) assert(condition)
#else
#define assert_slow(condition) ((void)sizeof(condition))
#endif

#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* For the few functions of the shortest path whose call would cost about as much as what they do. */
#define inline_always inline __attribute__((always_inline))

#endif
