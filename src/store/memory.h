/* SPDX-License-Identifier: MIT
 *
 * memory: where the store's bytes come from. The only file of the store that calls the allocator.
 *
 * mimalloc, or the C library's malloc in sanitizer builds (RIPOSTE_SYSTEM_ALLOCATOR), which must see every
 * block. What a block is charged with is a pure function of its size, so that nobody has to remember it.
 * Any thread may take; any thread may return what another took. Nothing here counts or limits: see
 * budget.h.
 */
#ifndef RIPOSTE_STORE_MEMORY_H
#define RIPOSTE_STORE_MEMORY_H

#include <stddef.h>

/*
 * Sizes in which blocks are taken: multiples of 16 to 128 bytes, then four steps to each doubling. Up to
 * 128 KiB these are mimalloc's own classes, so nothing is rounded twice. Above, it gives a block pages of
 * its own; those behind its end are never touched, since pages that come free go back to the system at once
 * (memory_configure), and so they cost nothing.
 */
enum { MEMORY_STEP_MIN = 16, MEMORY_STEPS_LOG2 = 2 };

/* Bytes that a block for `size` bytes is taken with and charged. At least 1. */
static inline size_t memory_charge_of(size_t size) {
    unsigned log2 = 63 - (unsigned)__builtin_clzl((size - 1) | (MEMORY_STEP_MIN << MEMORY_STEPS_LOG2));
    size_t step = (size_t)1 << (log2 - MEMORY_STEPS_LOG2);
    return (size + step - 1) & ~(step - 1);
}

#ifdef RIPOSTE_SYSTEM_ALLOCATOR

#include <stdlib.h>

/* Freed blocks go back at once, so that the sanitizer sees who still uses them: see shelf.h. */
enum { MEMORY_KEEPS_FREED = 0 };

/* A block of at least `size` bytes, aligned to 16; NULL when the system has none. */
static inline void *memory_take(size_t size) {
    return malloc(size);
}

/*
 * A zeroed block that begins on a boundary of `alignment` bytes; `size` is a multiple of it. NULL when the
 * system has none.
 */
static inline void *memory_take_zeroed(size_t size, size_t alignment) {
    void *block = aligned_alloc(alignment, size);
    return block == NULL ? NULL : __builtin_memset(block, 0, size);
}

static inline void memory_return(void *block) {
    free(block);
}

/* Takes in what other threads have returned of this thread's blocks. */
static inline void memory_collect(void) {
}

/* Settings of the allocator, for the whole process. */
static inline void memory_configure(void) {
}

#else

#include <mimalloc.h>

enum { MEMORY_KEEPS_FREED = 1 };

static inline void *memory_take(size_t size) {
    return mi_malloc(memory_charge_of(size));
}

static inline void *memory_take_zeroed(size_t size, size_t alignment) {
    return mi_zalloc_aligned(size, alignment);
}

static inline void memory_return(void *block) {
    mi_free(block);
}

static inline void memory_collect(void) {
    mi_collect(false);
}

/*
 * Freed pages are given back at once rather than 25 ms later: a store that evicts fast would stand far
 * above its limit meanwhile. Blocks that are needed again soon are on the shelf (shelf.h), so it costs
 * little.
 */
static inline void memory_configure(void) {
#if MI_MALLOC_VERSION < 210
    mi_option_set(mi_option_decommit_delay, 0);
#else
    mi_option_set(mi_option_purge_delay, 0);
#endif
}

#endif

#endif
