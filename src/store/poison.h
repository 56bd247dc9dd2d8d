/* SPDX-License-Identifier: MIT
 *
 * poison: under AddressSanitizer, marks memory of the arena that nobody may touch, because the sanitizer knows malloc only.
 * In other builds everything here is nothing.
 *
 *      a free segment          all of it                                  arena_give, segment_begin
 *      an open segment         what is behind its end, and the paddings   segment_append
 *      an item that is dead    value and line end, after the grace that   segment_kill, reclaim_pass
 *                              readers have; header and key stay, since
 *                              who empties the segment walks over them
 */
#ifndef RIPOSTE_STORE_POISON_H
#define RIPOSTE_STORE_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define STORE_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STORE_POISONS 1
#endif
#endif
#ifndef STORE_POISONS
#define STORE_POISONS 0
#endif

#if STORE_POISONS
#include <sanitizer/asan_interface.h>

static inline void poison(const void *memory, size_t size) {
    __asan_poison_memory_region(memory, size);
}

static inline void unpoison(const void *memory, size_t size) {
    __asan_unpoison_memory_region(memory, size);
}

#else

static inline void poison(const void *memory, size_t size) {
    (void)memory;
    (void)size;
}

static inline void unpoison(const void *memory, size_t size) {
    (void)memory;
    (void)size;
}

#endif

#endif
