/* SPDX-License-Identifier: MIT
 *
 * arena_ready: chains of free segments with memory, and the least of them in a second. See arena_ready.h.
 */
#include "arena_ready.h"

#include "riposte/clock.h"

enum { ARENA_READY_BUSY_MS = 1 };

#define ARENA_READY_LOOK_NS (ARENA_READY_LOOK_MS * CLOCK_NS_PER_MS)

static uint64_t slots_ready_size(const struct arena *arena) {
    return arena_level(&arena->ready_size) - arena_level(&arena->windows_ready_size);
}

/* --- slots --- */

uint32_t arena_ready_take_slot(struct arena *arena) {
    uint32_t index = arena_unlink_first(arena, &arena->ready_first);
    if (index != SEGMENT_NONE) {
        arena_level_subtract(&arena->ready_size, arena_segment_size(arena));
        uint64_t size = slots_ready_size(arena);
        arena->ready_low_size = size < arena->ready_low_size ? size : arena->ready_low_size;
    }
    return index;
}

void arena_ready_add_slot(struct arena *arena, uint32_t index) {
    arena_link_first(arena, &arena->ready_first, index);
    arena_level_add(&arena->ready_size, arena_segment_size(arena));
}

bool arena_ready_strip_slot(struct arena *arena) {
    uint32_t index = arena_ready_take_slot(arena);
    if (index == SEGMENT_NONE) {
        return false;
    }
    arena_unlock(arena);
    arena_memory_drop(arena, arena->segments[index].memory, arena_segment_size(arena));
    arena_lock(arena);
    arena_link_first(arena, &arena->bare_first, index);
    arena_level_subtract(&arena->used, arena_segment_size(arena));
    return true;
}

/* --- windows --- */

uint32_t arena_ready_take_window(struct arena *arena, struct arena_class *class) {
    uint32_t index = arena_unlink_first(arena, &class->ready_first);
    if (index != SEGMENT_NONE) {
        arena_level_subtract(&arena->windows_ready_size, arena->segments[index].size);
        arena_level_subtract(&arena->ready_size, arena->segments[index].size);
    }
    return index;
}

void arena_ready_add_window(struct arena *arena, struct arena_class *class, uint32_t index) {
    arena_link_first(arena, &class->ready_first, index);
    arena_level_add(&arena->ready_size, arena->segments[index].size);
    arena_level_add(&arena->windows_ready_size, arena->segments[index].size);
}

bool arena_ready_strip_window(struct arena *arena) {
    uint32_t index = SEGMENT_NONE;
    struct arena_class *class = arena->classes + arena->classes_count;
    while (index == SEGMENT_NONE && class > arena->classes) {
        index = arena_ready_take_window(arena, --class);
    }
    if (index == SEGMENT_NONE) {
        return false;
    }
    const struct segment *segment = &arena->segments[index];
    arena_unlock(arena);
    arena_memory_drop(arena, segment->memory, segment->size);
    arena_lock(arena);
    arena_link_first(arena, &class->free_first, index);
    arena_level_subtract(&arena->used, segment->size);
    return true;
}

/* --- giving back --- */

void arena_ready_strip(struct arena *arena) {
    arena_lock(arena);
    while (arena_ready_strip_window(arena) || arena_ready_strip_slot(arena)) {
        continue;
    }
    arena_unlock(arena);
}

/* A look ends and the next one begins, when it is time; another worker's clock may be a little ahead. Under the lock. */
static void look_end(struct arena *arena, uint64_t now_ns) {
    if (now_ns >= arena->ready_low_ns + ARENA_READY_LOOK_NS) {
        arena->ready_low_size_last = arena->ready_low_size;
        arena->ready_low_size = slots_ready_size(arena);
        arena->ready_low_ns = now_ns;
    }
}

/* Of slots that nobody has needed in the last look, nor in this one. Under the lock, which is let go meanwhile. */
static bool strip_unneeded(struct arena *arena) {
    uint64_t last = arena->ready_low_size_last;
    uint64_t least = last < arena->ready_low_size ? last : arena->ready_low_size;
    if (least <= arena_reserve(arena)) {
        return false;
    }
    arena->ready_low_size -= arena_segment_size(arena);
    arena->ready_low_size_last -= arena_segment_size(arena);
    return arena_ready_strip_slot(arena);
}

static bool strip_above_limit(struct arena *arena) {
    return arena_level(&arena->used) > arena_level(&arena->limit) &&
           (arena_ready_strip_window(arena) || arena_ready_strip_slot(arena));
}

static bool has_too_many(const struct arena *arena) {
    return slots_ready_size(arena) > arena_reserve(arena);
}

unsigned arena_ready_trim(struct arena *arena, uint64_t now_ns) {
    if (likely(arena_level(&arena->used) <= arena_level(&arena->limit) && !has_too_many(arena))) {
        return 0;
    }
    arena_lock(arena);
    look_end(arena, now_ns);
    bool stripped = strip_above_limit(arena) || strip_unneeded(arena);
    uint64_t left_ns = arena->ready_low_ns + ARENA_READY_LOOK_NS - now_ns;
    arena_unlock(arena);
    if (stripped) {
        return ARENA_READY_BUSY_MS;
    }
    return has_too_many(arena) ? (unsigned)(left_ns / CLOCK_NS_PER_MS) + 1 : 0;
}
