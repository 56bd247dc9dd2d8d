/* SPDX-License-Identifier: MIT
 *
 * memory: where the store's bytes come from. The only file of the store that calls the allocator.
 *
 * mimalloc, or the C library's malloc in sanitizer builds (RIPOSTE_SYSTEM_ALLOCATOR), which must see every block. What a
 * block is charged with is a pure function of its size, so that nobody has to remember it: memory_charge_of.
 * Any thread may take; any thread may return what another took. Nothing here counts or limits: see budget.h.
 */
#ifndef RIPOSTE_STORE_MEMORY_H
#define RIPOSTE_STORE_MEMORY_H

#include <stddef.h>

#ifdef RIPOSTE_SYSTEM_ALLOCATOR

#include <stdlib.h>

/* A block of at least `size` bytes, aligned to 8 or better; NULL when the system has none. */
static inline void *memory_take(size_t size) {
    return malloc(size);
}

/* A zeroed block that begins on a boundary of `alignment` bytes; `size` is a multiple of it. NULL when the system has none. */
static inline void *memory_take_zeroed(size_t size, size_t alignment) {
    void *block = aligned_alloc(alignment, size);
    return block == NULL ? NULL : __builtin_memset(block, 0, size);
}

static inline void memory_return(void *block) {
    free(block);
}

/* Bytes that a block of `size` bytes really occupies. */
static inline size_t memory_charge_of(size_t size) {
    return (size + 15) & ~(size_t)15;
}

/* Takes in what other threads returned of this thread's blocks. */
static inline void memory_collect(void) {
}

#else

#include <mimalloc.h>

static inline void *memory_take(size_t size) {
    return mi_malloc(size);
}

static inline void *memory_take_zeroed(size_t size, size_t alignment) {
    return mi_zalloc_aligned(size, alignment);
}

static inline void memory_return(void *block) {
    mi_free(block);
}

/* A larger block has pages of its own, in whole slices, and above the larger limit in spans of that size. What is behind its end is nobody else's. */
enum { MEMORY_SHARED_PAGE_MAX = 128 * 1024, MEMORY_SLICE = 64 * 1024, MEMORY_SPAN = 512 * 1024 };

static inline size_t memory_charge_of(size_t size) {
    if (__builtin_expect(size <= MEMORY_SHARED_PAGE_MAX, 1))
        return mi_good_size(size);
    size_t unit = size <= MEMORY_SPAN ? MEMORY_SLICE : MEMORY_SPAN;
    return (size + unit - 1) / unit * unit;
}

static inline void memory_collect(void) {
    mi_collect(false);
}

#endif

#endif
