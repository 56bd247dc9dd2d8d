/* SPDX-License-Identifier: MIT
 *
 * Free segments that keep their memory: for how long, and when they lose it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "arena_ready.h"
#include "riposte/clock.h"

enum { MIB = 1024 * 1024, LIMIT = 16 * MIB, SLOTS = 64 };

#define SECOND_NS ((uint64_t)ARENA_READY_LOOK_MS * CLOCK_NS_PER_MS)
#define START_NS  (UINT64_C(1000) * SECOND_NS)

static uint64_t used(const struct arena *arena) {
    return atomic_load(&arena->used);
}

/* Takes slots and writes to them. */
static void take(struct arena *arena, uint32_t *indices, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        indices[i] = arena_take_slot(arena, 0);
        cr_assert_neq(indices[i], SEGMENT_NONE);
        unpoison(arena->segments[indices[i]].memory, arena_segment_size(arena));
        memset(arena->segments[indices[i]].memory, 'x', arena_segment_size(arena));
    }
}

static void give(struct arena *arena, const uint32_t *indices, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        arena_give(arena, indices[i]);
    }
}

/* 64 slots are ready, and a look has begun at START_NS. */
static struct arena *open_with_ready_slots(uint32_t *indices) {
    static struct arena arena;
    const struct arena_plan plan = {
        .limit = LIMIT, .limit_max = 4 * (size_t)LIMIT, .item_size_max = MIB, .workers_max = 4, .fd = -1};
    cr_assert_eq(arena_init(&arena, &plan), 0);
    take(&arena, indices, SLOTS);
    give(&arena, indices, SLOTS);
    cr_assert_eq(arena_ready_trim(&arena, START_NS), ARENA_READY_LOOK_MS + 1);
    return &arena;
}

/* Calls as often as is asked for without waiting; what the last one wants. */
static unsigned trim_all(struct arena *arena, uint64_t now_ns) {
    unsigned wait_ms;
    while ((wait_ms = arena_ready_trim(arena, now_ns)) == 1) {
        continue;
    }
    return wait_ms;
}

Test(arena_ready, loses_the_memory_that_nobody_needed_for_a_second) {
    uint32_t indices[SLOTS];
    struct arena *arena = open_with_ready_slots(indices);
    uint64_t before = used(arena);
    cr_expect_eq(trim_all(arena, START_NS + SECOND_NS / 2), ARENA_READY_LOOK_MS / 2 + 1);
    cr_expect_eq(used(arena), before, "half a second is not enough");
    cr_expect_eq(trim_all(arena, START_NS + SECOND_NS), 0);
    cr_expect_leq(used(arena), arena_reserve(arena));
    cr_expect_gt(used(arena), arena_reserve(arena) - arena_segment_size(arena), "and no more than that");
    unpoison(arena->segments[indices[SLOTS - 1]].memory, 1);
    cr_expect_eq(arena->segments[indices[SLOTS - 1]].memory[0], 0, "its memory has gone back");
    arena_destroy(arena);
}

Test(arena_ready, keeps_what_is_needed_now_and_then_within_a_second) {
    uint32_t indices[SLOTS], others[SLOTS];
    struct arena *arena = open_with_ready_slots(indices);
    uint64_t before = used(arena);
    for (unsigned look = 1; look <= 10; look++) {
        take(arena, others, SLOTS - 1);
        give(arena, others, SLOTS - 1);
        cr_expect_eq(trim_all(arena, START_NS + look * SECOND_NS), ARENA_READY_LOOK_MS + 1);
        cr_expect_eq(used(arena), before);
    }
    arena_destroy(arena);
}

Test(arena_ready, loses_of_much_only_what_stays_unneeded) {
    uint32_t indices[SLOTS], others[SLOTS];
    struct arena *arena = open_with_ready_slots(indices);
    size_t reserve = arena_reserve(arena), segment_size = arena_segment_size(arena);
    unsigned needed = SLOTS / 2;
    take(arena, others, needed);
    give(arena, others, needed);
    cr_expect_eq(trim_all(arena, START_NS + SECOND_NS), ARENA_READY_LOOK_MS + 1);
    cr_expect_eq(used(arena), (needed + reserve / segment_size) * segment_size);
    cr_expect_eq(trim_all(arena, START_NS + 2 * SECOND_NS), 0,
                 "in the next second nobody needed these either");
    cr_expect_eq(used(arena), reserve / segment_size * segment_size);
    arena_destroy(arena);
}

Test(arena_ready, loses_all_memory_at_once_above_the_limit) {
    uint32_t indices[SLOTS];
    struct arena *arena = open_with_ready_slots(indices);
    arena_set_limit(arena, 4 * arena_segment_size(arena));
    cr_expect_gt(used(arena), 4 * arena_segment_size(arena));
    trim_all(arena, START_NS);
    cr_expect_leq(used(arena), 4 * arena_segment_size(arena));
    arena_destroy(arena);
}

Test(arena_ready, is_not_confused_by_a_worker_whose_clock_is_a_little_behind) {
    uint32_t indices[SLOTS];
    struct arena *arena = open_with_ready_slots(indices);
    uint64_t before = used(arena);
    cr_expect_eq(trim_all(arena, START_NS - 1), ARENA_READY_LOOK_MS + 1);
    cr_expect_eq(used(arena), before);
    arena_destroy(arena);
}

Test(arena_ready, wants_nothing_while_no_more_is_ready_than_the_reserve) {
    uint32_t indices[SLOTS];
    struct arena *arena = open_with_ready_slots(indices);
    trim_all(arena, START_NS + SECOND_NS);
    cr_expect_eq(arena_ready_trim(arena, START_NS + 9 * SECOND_NS), 0);
    arena_destroy(arena);
}
