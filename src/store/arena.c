/* SPDX-License-Identifier: MIT
 *
 * arena: reserving, taking, giving back. See arena.h.
 */
#include "arena.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena_ready.h"
#include "riposte/check.h"
#include "riposte/clock.h"

enum {
    ARENA_RESERVE_SHARE = 100, /* 1 % */
    ARENA_RESERVE_SLOTS = 4,
    ARENA_WINDOWS_READY_SHARE = 16,
    ARENA_LOOK_MS = 1000,
    ARENA_LOOK_SHARE = 16,
};

static void *map(size_t size, int fd) {
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    off_t offset = fd < 0 ? 0 : ARENA_FILE_OFFSET;
    void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, fd, offset);
    return start == MAP_FAILED ? NULL : start;
}

static int arena_map(struct arena *arena, const struct arena_plan *plan) {
    size_t table_size = arena->segments_count * (sizeof(struct segment) + sizeof(uint64_t)) + ARENA_PAGE_SIZE;
    arena->table_size = arena_round_up(table_size, ARENA_PAGE_SIZE);
    arena->memory_fd = arena_memory_open(arena, plan);
    bool is_full =
        errno == EMFILE || errno == ENFILE; /* others would be needed soon, and nobody could take over */
    if (arena->memory_fd < 0 && (plan->fd >= 0 || is_full)) {
        return -errno;
    }
    arena->reserves_room =
        plan->fd >= 0 || (arena->memory_fd >= 0 && arena_memory_is_strict(ARENA_OVERCOMMIT_FILE));
    arena->segments = map(arena->table_size, -1);
    arena->base = arena->segments == NULL ? NULL : map(arena->mapped_size, arena->memory_fd);
    if (arena->base == NULL) {
        if (arena->segments != NULL) {
            munmap(arena->segments, arena->table_size);
        }
        if (arena->memory_fd >= 0) {
            close(arena->memory_fd);
        }
        return -ENOMEM;
    }
    arena->numbers = (_Atomic uint64_t *)(void *)(arena->segments + arena->segments_count);
    /* Large pages by advice: a kernel without them says EINVAL, and small pages serve. */
    madvise(arena->base, arena->slots_size, MADV_HUGEPAGE);
    return 0;
}

int arena_init(struct arena *arena, const struct arena_plan *plan) {
    *arena = (struct arena){.ready_first = SEGMENT_NONE, .bare_first = SEGMENT_NONE};
    arena_memory_lay_out(plan, arena);
    int status = arena_map(arena, plan);
    if (status < 0) {
        return status;
    }
    pthread_mutex_init(&arena->lock, NULL);
    for (unsigned i = 0; i < QUEUES_COUNT; i++) {
        arena->queues[i] = (struct arena_list){.first = SEGMENT_NONE, .last = SEGMENT_NONE};
    }
    arena_set_limit(arena, plan->limit);
    return 0;
}

/* The system may give these addresses to somebody else: they must not stay poisoned. */
static void unpoison_all(const struct arena *arena) {
    unpoison(arena->base, (size_t)arena->slots_taken << arena->segment_shift);
    for (unsigned i = 0; i < arena->classes_count; i++) {
        const struct arena_class *class = &arena->classes[i];
        unpoison(arena->base + class->offset, (size_t) class->taken << class->shift);
    }
}

void arena_destroy(struct arena *arena) {
    unpoison_all(arena);
    munmap(arena->base, arena->mapped_size);
    munmap(arena->segments, arena->table_size);
    if (arena->memory_fd >= 0) {
        close(arena->memory_fd);
    }
    pthread_mutex_destroy(&arena->lock);
}

/* --- the account --- */

int64_t arena_headroom(const struct arena *arena) {
    return (int64_t)(arena_level(&arena->limit) - arena_level(&arena->used) +
                     arena_level(&arena->ready_size));
}

size_t arena_reserve(const struct arena *arena) {
    size_t limit = arena_level(&arena->limit);
    size_t least = (size_t)ARENA_RESERVE_SLOTS << arena->segment_shift;
    size_t share = limit / ARENA_RESERVE_SHARE;
    share = share > least ? share : least;
    share = share < limit / 8 ? share : limit / 8;
    /* In a small arena, too, as much as opening a segment takes: with less neither is one opened nor one emptied. */
    size_t opened = (size_t)(ARENA_MOVES_SLOTS + 1) << arena->segment_shift;
    return (share > opened ? share : opened) + arena_level(&arena->wanted);
}

static bool fits(const struct arena *arena, size_t size) {
    uint64_t limit = arena_level(&arena->limit), used = arena_level(&arena->used);
    return used <= limit && size <= limit - used;
}

/* Under the lock. */
static bool charge_by_all_means(struct arena *arena, size_t size) {
    while (!fits(arena, size)) {
        if (arena_headroom(arena) < (int64_t)size ||
            !(arena_ready_strip_window(arena) || arena_ready_strip_slot(arena))) {
            return false;
        }
    }
    arena_level_add(&arena->used, size);
    return true;
}

void arena_charge_anyway(struct arena *arena, size_t size) {
    arena_lock(arena);
    arena_level_add(&arena->used, size);
    arena_unlock(arena);
}

bool arena_charge(struct arena *arena, size_t size) {
    arena_lock(arena);
    bool charged = charge_by_all_means(arena, size);
    arena_unlock(arena);
    return charged;
}

void arena_uncharge(struct arena *arena, size_t size) {
    arena_lock(arena);
    arena_level_subtract(&arena->used, size);
    arena_unlock(arena);
}

/* --- segments --- */

uint64_t arena_draw_numbers(struct arena *arena, uint64_t count) {
    arena_lock(arena);
    uint64_t first = arena_level(&arena->sequence) + 1;
    arena_level_add(&arena->sequence, count);
    arena_unlock(arena);
    return first;
}

/* Where a segment is, once it has been used. Under the lock. */
static void segment_place(struct arena *arena, struct segment *segment, char *memory) {
    if (segment->memory == NULL) {
        segment->memory = memory;
        segment->arena = arena;
    }
}

/* Under the lock. */
static void segment_begin(struct arena *arena, uint32_t index, char *memory, size_t size, bool is_large) {
    struct segment *segment = &arena->segments[index];
    uint64_t numbers_count = is_large ? 1 : UINT64_C(1) << arena->unit_shift;
    segment_place(arena, segment, memory);
    poison(memory, size);
    segment->size = (uint32_t)size;
    segment->is_large = is_large;
    segment->sweep_tick = 0;
    segment->next = segment->previous = SEGMENT_NONE;
    atomic_store_explicit(&segment->dead, 0, memory_order_relaxed);
    atomic_store_explicit(&segment->used, SEGMENT_UNUSED, memory_order_relaxed);
    atomic_store_explicit(&segment->expires_first, UINT32_MAX, memory_order_relaxed);
    atomic_store_explicit(&segment->expires_last, 0, memory_order_relaxed);
    atomic_store_explicit(&segment->state, is_large ? SEGMENT_UNFINISHED : SEGMENT_OPEN,
                          memory_order_relaxed);
    /* The number and the flush that may come after it are drawn under one lock: see store_flush. */
    atomic_store_explicit(&arena->numbers[index], arena_level(&arena->sequence), memory_order_relaxed);
    arena_level_add(&arena->sequence, numbers_count);
    arena_level_add(&arena->open_size, size);
}

static char *slot_memory(const struct arena *arena, uint32_t index) {
    return arena->base + ((size_t)index << arena->segment_shift);
}

/* One that has no memory, or SEGMENT_NONE. Under the lock. */
static uint32_t slot_take_bare(struct arena *arena) {
    uint32_t index = arena_unlink_first(arena, &arena->bare_first);
    return index == SEGMENT_NONE && arena->slots_taken < arena->slots_count ? arena->slots_taken++ : index;
}

/* A free slot with its memory charged, or SEGMENT_NONE. Under the lock, which may be let go meanwhile. */
static uint32_t slot_find(struct arena *arena) {
    uint32_t index = arena_ready_take_slot(arena);
    if (index != SEGMENT_NONE) {
        return index;
    }
    while (!fits(arena, arena_segment_size(arena))) {
        if (!arena_ready_strip_window(arena)) {
            return SEGMENT_NONE;
        }
    }
    index = slot_take_bare(arena);
    if (index == SEGMENT_NONE) {
        return SEGMENT_NONE;
    }
    arena_level_add(&arena->used, arena_segment_size(arena));
    if (!arena_memory_reserve(arena, slot_memory(arena, index), arena_segment_size(arena))) {
        arena_link_first(arena, &arena->bare_first, index);
        return SEGMENT_NONE;
    }
    return index;
}

void arena_set_limit(struct arena *arena, size_t limit) {
    /* relaxed: the next turn of any worker looks. */
    atomic_store_explicit(&arena->limit_wanted, limit, memory_order_relaxed);
    atomic_store_explicit(&arena->limit, limit, memory_order_relaxed);
}

/* One more has memory, or none can. Under the lock, which is let go meanwhile. */
static bool slot_fill(struct arena *arena) {
    uint32_t index = slot_take_bare(arena);
    if (index == SEGMENT_NONE) {
        return true;
    }
    if (!arena_memory_has_room(arena, slot_memory(arena, index), arena_segment_size(arena))) {
        arena_link_first(arena, &arena->bare_first, index);
        return false;
    }
    segment_place(arena, &arena->segments[index], slot_memory(arena, index));
    poison(slot_memory(arena, index), arena_segment_size(arena)); /* as any that is ready */
    arena_ready_add_slot(arena, index);
    arena_level_add(&arena->used, arena_segment_size(arena));
    return true;
}

void arena_look_for_room(struct arena *arena, uint64_t now_ns) {
    if (likely(!arena_is_short(arena)) ||
        now_ns - arena_level(&arena->looked_ns) < ARENA_LOOK_MS * CLOCK_NS_PER_MS) {
        return;
    }
    arena_lock(arena);
    /* relaxed: another worker that does not see it looks once more, and nothing is published through it. */
    atomic_store_explicit(&arena->looked_ns, now_ns, memory_order_relaxed);
    if (slot_fill(arena)) {
        arena_memory_found_room(arena, arena_level(&arena->limit_wanted) / ARENA_LOOK_SHARE);
    }
    arena_unlock(arena);
}

uint32_t arena_take_slot(struct arena *arena, unsigned spare_slots) {
    arena_lock(arena);
    uint32_t index = SEGMENT_NONE;
    if (arena_headroom(arena) >= (int64_t)(arena_segment_size(arena) * (spare_slots + 1))) {
        index = slot_find(arena);
    }
    if (index != SEGMENT_NONE) {
        segment_begin(arena, index, slot_memory(arena, index), arena_segment_size(arena), false);
    }
    arena_unlock(arena);
    return index;
}

static struct arena_class *class_for(struct arena *arena, size_t size) {
    struct arena_class *class = arena->classes;
    while ((size_t)1 << class->shift < size) {
        class ++;
        assert(class < arena->classes + arena->classes_count);
    }
    return class;
}

static char *window_memory(const struct arena *arena, const struct arena_class *class, uint32_t index) {
    return arena->base + class->offset + ((size_t)(index - class->first) << class->shift);
}

/*
 * A window that kept its memory, with `charge` bytes of it charged, or SEGMENT_NONE. Under the lock, which may be let go
 * meanwhile.
 */
static uint32_t window_find_ready(struct arena *arena, struct arena_class *class, size_t charge) {
    uint32_t index = arena_ready_take_window(arena, class);
    if (index == SEGMENT_NONE) {
        return SEGMENT_NONE;
    }
    size_t has = arena->segments[index].size;
    if (has < charge && !(charge_by_all_means(arena, charge - has) &&
                          arena_memory_reserve(arena, arena->segments[index].memory + has, charge - has))) {
        arena_ready_add_window(arena, class, index);
        return SEGMENT_NONE;
    }
    if (has > charge) {
        arena_unlock(arena);
        arena_memory_drop(arena, arena->segments[index].memory + charge, has - charge);
        arena_lock(arena);
        arena_level_subtract(&arena->used, has - charge);
    }
    return index;
}

/* A free window with `charge` bytes charged, or SEGMENT_NONE. As above. */
static uint32_t window_find(struct arena *arena, struct arena_class *class, size_t charge) {
    uint32_t index = window_find_ready(arena, class, charge);
    if (index != SEGMENT_NONE) {
        return index;
    }
    if (!charge_by_all_means(arena, charge)) {
        return SEGMENT_NONE;
    }
    index = arena_unlink_first(arena, &class->free_first);
    if (index == SEGMENT_NONE && class->taken < class->count) {
        index = class->first + class->taken++;
    }
    if (index == SEGMENT_NONE) {
        arena_level_subtract(&arena->used, charge);
    } else if (!arena_memory_reserve(arena, window_memory(arena, class, index), charge)) {
        arena_link_first(arena, &class->free_first, index);
        return SEGMENT_NONE;
    }
    return index;
}

uint32_t arena_take_window(struct arena *arena, size_t size) {
    struct arena_class *class = class_for(arena, size);
    uint32_t index = SEGMENT_NONE;
    size_t charge = arena_round_up(size, ARENA_PAGE_SIZE);
    size_t spare = (size_t)ARENA_MOVES_SLOTS << arena->segment_shift;
    arena_lock(arena);
    if (arena_headroom(arena) >= (int64_t)(charge + spare)) {
        index = window_find(arena, class, charge);
    }
    if (index != SEGMENT_NONE) {
        segment_begin(arena, index, window_memory(arena, class, index), charge, true);
    }
    arena_unlock(arena);
    return index;
}

static void window_give(struct arena *arena, uint32_t index) {
    const struct segment *segment = &arena->segments[index];
    struct arena_class *class = arena->classes;
    while (index >= class->first + class->count) {
        class ++;
    }
    uint64_t limit = arena_level(&arena->limit),
             kept = arena_level(&arena->windows_ready_size) + segment->size;
    if (kept <= limit / ARENA_WINDOWS_READY_SHARE && arena_level(&arena->used) <= limit) {
        arena_ready_add_window(arena, class, index);
        return;
    }
    arena_unlock(arena);
    arena_memory_drop(arena, segment->memory, segment->size);
    arena_lock(arena);
    arena_link_first(arena, &class->free_first, index);
    arena_level_subtract(&arena->used, segment->size);
}

void arena_give(struct arena *arena, uint32_t index) {
    struct segment *segment = &arena->segments[index];
    arena_lock(arena);
    /* Both under the lock: who poisons the dead looks at the state, then reads the item's size. */
    atomic_store_explicit(&segment->state, SEGMENT_FREE, memory_order_relaxed);
    poison(segment->memory, segment->size);
    if (segment->is_large) {
        window_give(arena, index);
    } else {
        arena_ready_add_slot(arena, index);
    }
    arena_unlock(arena);
}

uint32_t arena_scan(const struct arena *arena, uint32_t index) {
    if (index < arena->slots_taken) {
        return index;
    }
    for (unsigned i = 0; i < arena->classes_count; i++) {
        const struct arena_class *class = &arena->classes[i];
        if (index < class->first + class->taken) {
            return index < class->first ? class->first : index;
        }
    }
    return SEGMENT_NONE;
}

uint32_t arena_location_of_large(const struct arena *arena, const struct item *item) {
    size_t offset = (size_t)((const char *)item - arena->base);
    const struct arena_class *class = arena->classes;
    while (offset >= class->offset + ((size_t) class->count << class->shift)) {
        class ++;
    }
    uint32_t index = class->first + (uint32_t)((offset - class->offset) >> class->shift);
    return arena->large_first + (index - arena->slots_count);
}
