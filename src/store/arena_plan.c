/* SPDX-License-Identifier: MIT
 *
 * arena_plan: what the arena's range is laid out for: how large a segment is, how many slots and windows there are.
 */
#include "arena.h"

enum {
    ARENA_SEGMENTS_WANTED = 256,   /* about so many at least: eviction is as fine as a segment */
    ARENA_SEGMENTS_OF_WORKER = 32, /* and so many for each worker, which keeps up to six of them open */
    ARENA_HUGE_SIZE = 2 * 1024 * 1024,
    ARENA_ITEM_GROWTH_MAX = 64, /* an item that is copied may get an expiry and a number of its own */
};

#define ARENA_SLOT_STEPS_MAX ((size_t)UINT32_MAX / 8 * 7) /* locations of slots; the others are for windows */

static unsigned log2_floor(size_t number) {
    return 63 - (unsigned)__builtin_clzl(number);
}

static size_t round_up(size_t size, size_t unit) {
    return (size + unit - 1) / unit * unit;
}

static unsigned segment_shift_for(size_t limit, unsigned workers_max) {
    size_t wanted = (size_t)workers_max * ARENA_SEGMENTS_OF_WORKER;
    if (wanted < ARENA_SEGMENTS_WANTED) {
        wanted = ARENA_SEGMENTS_WANTED;
    }
    /* To the nearest power, about: -m less the engine's part is just below one, and half the size has twice the tails. */
    size_t size = limit / wanted + limit / wanted / 3;
    unsigned shift = size == 0 ? 0 : log2_floor(size);
    if (shift < ARENA_SEGMENT_SHIFT_MIN) {
        return ARENA_SEGMENT_SHIFT_MIN;
    }
    return shift < ARENA_SEGMENT_SHIFT_MAX ? shift : ARENA_SEGMENT_SHIFT_MAX;
}

/* A step more wastes half of it in every item; that nobody should pay who does not raise the limit. */
size_t arena_plan_limit_max(size_t limit) {
    unsigned shift = ARENA_STEP_SHIFT_MIN;
    while (limit * ARENA_LIMIT_RAISE_MIN >> shift > ARENA_SLOT_STEPS_MAX) {
        shift++;
    }
    size_t reached = ARENA_SLOT_STEPS_MAX << shift;
    return limit * ARENA_LIMIT_RAISE_MAX < reached ? limit * ARENA_LIMIT_RAISE_MAX : reached;
}

/* Lays out the slots. */
static void slots_lay_out(struct arena *arena, size_t limit_max) {
    arena->slots_count = (uint32_t)(limit_max >> arena->segment_shift);
    arena->slots_size = (size_t)arena->slots_count << arena->segment_shift;
    arena->step_shift = ARENA_STEP_SHIFT_MIN;
    while (arena->slots_size >> arena->step_shift > ARENA_SLOT_STEPS_MAX) {
        arena->step_shift++;
    }
    arena->unit_shift = (uint8_t)(arena->segment_shift - arena->step_shift);
    arena->unit_mask = (UINT32_C(1) << arena->unit_shift) - 1;
    arena->large_first = (uint32_t)(arena->slots_size >> arena->step_shift);
    arena->segments_count = arena->slots_count;
    arena->mapped_size = round_up(arena->slots_size, ARENA_HUGE_SIZE);
}

/* Lays out the windows behind them: of each size as many as half full ones would fill the limit. */
static void windows_lay_out(struct arena *arena, size_t limit_max, size_t item_size_max) {
    unsigned shift = arena->segment_shift - 1u;
    if (shift < ARENA_SEGMENT_SHIFT_MIN) {
        shift = ARENA_SEGMENT_SHIFT_MIN;
    }
    for (;; shift++) {
        struct arena_class *class = &arena->classes[arena->classes_count++];
        assert(arena->classes_count < ARENA_CLASSES_MAX);
        *class = (struct arena_class){.offset = arena->mapped_size,
                                      .shift = shift,
                                      .first = arena->segments_count,
                                      .count = (uint32_t)((limit_max >> (shift - 1)) + 1),
                                      .free_first = SEGMENT_NONE,
                                      .ready_first = SEGMENT_NONE};
        arena->segments_count += class->count;
        arena->mapped_size += (size_t) class->count << shift;
        if ((size_t)1 << shift >= item_size_max) {
            return;
        }
    }
}

void arena_plan_lay_out(const struct arena_plan *plan, struct arena *arena) {
    arena->limit_max = plan->limit_max;
    arena->item_size_max = plan->item_size_max;
    arena->segment_shift =
        (uint8_t)(plan->segment_shift != 0 ? plan->segment_shift
                                           : segment_shift_for(plan->limit, plan->workers_max));
    slots_lay_out(arena, plan->limit_max);
    windows_lay_out(arena, plan->limit_max, plan->item_size_max + ARENA_ITEM_GROWTH_MAX);
}
