/* SPDX-License-Identifier: MIT
 *
 * segment: opens, closes, queues and retires segments, and counts what dies in them. See segment.h.
 */
#include "segment.h"

#include <stdlib.h>

void segment_retire(struct store_worker *worker, uint32_t index) {
    struct arena *arena = &worker->store->arena;
    struct segment *segment = &arena->segments[index];
    assert(segment_state(segment) == SEGMENT_RETIRED);
    segment->retired_epoch = epoch_tag(&worker->member);
    counter_add(&worker->counters.retired, 1);
    arena_coming_add(arena, segment->size);
    arena_list_push(arena, &worker->retired, index);
}

void segment_push(struct arena *arena, enum segment_queue queue, uint32_t index) {
    struct arena_list *list = &arena->queues[queue];
    struct segment *segment = &arena->segments[index];
    segment->next = SEGMENT_NONE;
    segment->previous = list->last;
    if (list->last == SEGMENT_NONE) {
        list->first = index;
    } else {
        arena->segments[list->last].next = index;
    }
    list->last = index;
    list->size += segment->size;
    segment_set_queue(segment, queue);
}

void segment_dequeue(struct arena *arena, uint32_t index) {
    struct segment *segment = &arena->segments[index];
    struct arena_list *list = &arena->queues[segment_queue(segment)];
    if (segment->previous == SEGMENT_NONE) {
        list->first = segment->next;
    } else {
        arena->segments[segment->previous].next = segment->next;
    }
    if (segment->next == SEGMENT_NONE) {
        list->last = segment->previous;
    } else {
        arena->segments[segment->next].previous = segment->previous;
    }
    list->size -= segment->size;
    segment->next = segment->previous = SEGMENT_NONE;
}

void segment_reverse_queue(struct arena *arena, enum segment_queue queue) {
    struct arena_list *list = &arena->queues[queue];
    uint32_t index = list->first;
    while (index != SEGMENT_NONE) {
        struct segment *segment = &arena->segments[index];
        uint32_t next = segment->next;
        segment->next = segment->previous;
        segment->previous = next;
        index = next;
    }
    uint32_t first = list->first;
    list->first = list->last;
    list->last = first;
}

void segment_enqueue(struct store_worker *worker, uint32_t index, enum segment_queue queue, uint32_t used) {
    struct arena *arena = &worker->store->arena;
    struct segment *segment = &arena->segments[index];
    arena_lock(arena);
    if (segment_state(segment) == SEGMENT_OPEN || segment_state(segment) == SEGMENT_UNFINISHED) {
        arena_level_subtract(&arena->open_size, segment->size);
    }
    /* relaxed: released by the addition below. */
    atomic_store_explicit(&segment->used, used, memory_order_relaxed);
    /*
     * acquire and release: who kills the last item after this sees `used`; who killed it before is seen here,
     * with all that was done before.
     */
    bool empty = atomic_fetch_add_explicit(&segment->dead, 0, memory_order_acq_rel) == used;
    segment_set_state(segment, empty ? SEGMENT_RETIRED : SEGMENT_QUEUED);
    if (!empty) {
        segment_push(arena, queue, index);
    }
    arena_unlock(arena);
    if (empty) {
        segment_retire(worker, index);
    }
}

void segment_close(struct store_worker *worker, enum segment_queue queue, unsigned class) {
    struct segment_open *open = &worker->open[queue][class];
    if (open->index != SEGMENT_NONE) {
        uint32_t index = open->index;
        segment_keep_fresh(worker);
        open->index = SEGMENT_NONE;
        segment_enqueue(worker, index, queue, open->position - (1u << worker->store->arena.step_shift));
    }
}

void segment_close_all(struct store_worker *worker) {
    for (unsigned queue = 0; queue < QUEUES_COUNT; queue++) {
        for (unsigned class = 0; class < STORE_CLASSES_COUNT; class ++) {
            segment_close(worker, (enum segment_queue)queue, class);
        }
    }
}

bool segment_reopen(struct store_worker *worker, enum segment_queue queue, unsigned class, bool for_move) {
    struct arena *arena = &worker->store->arena;
    struct segment_open *open = &worker->open[queue][class];
    segment_close(worker, queue, class);
    uint32_t index = arena_take_slot(arena, for_move ? 0 : ARENA_MOVES_SLOTS);
    if (index == SEGMENT_NONE) {
        return false;
    }
    /* The first step stays free: no item has location 0. */
    *open = (struct segment_open){
        .index = index, .position = 1u << arena->step_shift, .number = arena_number(arena, index)};
    segment_set_queue(&arena->segments[index], queue);
    worker->sparse_due |= !for_move;
    if (class == 0) {
        segment_note_expiry(&arena->segments[index], STORE_EXPIRES_NEVER);
    }
    return true;
}

void segment_note_expiry(struct segment *segment, uint32_t expires_tick) {
    uint32_t last_tick = expires_tick == STORE_EXPIRES_NEVER ? UINT32_MAX : expires_tick;
    uint32_t first = segment_expires_first(segment), last = segment_expires_last(segment);
    /* relaxed, both: as segment_expires_first. */
    while (expires_tick != STORE_EXPIRES_NEVER && expires_tick < first &&
           !atomic_compare_exchange_weak_explicit(&segment->expires_first, &first, expires_tick,
                                                  memory_order_relaxed, memory_order_relaxed)) {
        continue;
    }
    while (last_tick > last &&
           !atomic_compare_exchange_weak_explicit(&segment->expires_last, &last, last_tick,
                                                  memory_order_relaxed, memory_order_relaxed)) {
        continue;
    }
}

/* --- the end of items --- */

__attribute__((cold, noinline)) void segment_all_dead(struct store_worker *worker, uint32_t index) {
    struct arena *arena = &worker->store->arena;
    struct segment *segment = &arena->segments[index];
    arena_lock(arena);
    bool queued = segment_state(segment) == SEGMENT_QUEUED;
    if (queued) {
        segment_dequeue(arena, index);
        segment_set_state(segment, SEGMENT_RETIRED);
    }
    arena_unlock(arena);
    if (queued) {
        segment_retire(worker, index);
    }
}

#if STORE_POISONS

enum { POISON_GRANULE = 8 }; /* bytes that share a byte of the sanitizer's shadow */
static_assert((int)ITEM_HEADER_SIZE >= (int)POISON_GRANULE,
              "the granule of a value's begin lies in its own item");

void segment_note_dead(struct store_worker *worker, uint32_t location) {
    if (worker->dead_items == NULL) {
        worker->dead_items = calloc(STORE_DEAD_ITEMS, sizeof(*worker->dead_items));
        assert(worker->dead_items != NULL);
    }
    if (worker->dead_items_count == STORE_DEAD_ITEMS) {
        worker->dead_items_first++;
        worker->dead_items_count--;
    }
    const struct arena *arena = &worker->store->arena;
    unsigned last = worker->dead_items_first + worker->dead_items_count++;
    worker->dead_items[last % STORE_DEAD_ITEMS] =
        (struct dead_item){.location = location,
                           .number = arena_number(arena, arena_segment_of(arena, location)),
                           .epoch = epoch_tag(&worker->member)};
}

/*
 * Under the arena's lock: nobody takes the segment for something else meanwhile. Only whole granules of the sanitizer's
 * shadow (8 bytes): the one with the item's end may also have the begin of the next, whose worker may be marking it as
 * readable at this moment, and a shadow byte is read and written without a lock. That with the value's begin has
 * nothing of another item: a header and a key of a byte stand before it.
 */
static void dead_poison(const struct arena *arena, const struct dead_item *dead) {
    uint32_t index = arena_segment_of(arena, dead->location);
    const struct segment *segment = &arena->segments[index];
    if (arena_number(arena, index) == dead->number && segment_state(segment) != SEGMENT_FREE &&
        !segment_is_pinned(segment)) {
        struct item *item = arena_item(arena, dead->location);
        uintptr_t value = (uintptr_t)item_value(item);
        uintptr_t end = value + item_value_size(item) + ITEM_LINE_END_SIZE;
        end -= end % POISON_GRANULE;
        if (end > value) {
            poison(item_value(item), end - value);
        }
    }
}

void segment_poison_dead(struct store_worker *worker) {
    struct arena *arena = &worker->store->arena;
    uint64_t now = epoch_now(&worker->store->epoch);
    arena_lock(arena);
    while (worker->dead_items_count != 0) {
        const struct dead_item *dead = &worker->dead_items[worker->dead_items_first % STORE_DEAD_ITEMS];
        if (dead->epoch + EPOCH_GRACE > now) {
            break;
        }
        dead_poison(arena, dead);
        worker->dead_items_first++;
        worker->dead_items_count--;
    }
    arena_unlock(arena);
}

#endif

static struct segment_open *segment_open_of(struct store_worker *worker, uint32_t index) {
    for (unsigned queue = 0; queue < QUEUES_COUNT; queue++) {
        for (unsigned class = 0; class < STORE_CLASSES_COUNT; class ++) {
            if (worker->open[queue][class].index == index) {
                return &worker->open[queue][class];
            }
        }
    }
    return NULL;
}

/* Whether the end of an open segment was there and could be moved back. */
static bool segment_move_back(struct store_worker *worker, uint32_t location, size_t size) {
    struct arena *arena = &worker->store->arena;
    if (unlikely(location >= arena->large_first)) {
        return false;
    }
    struct segment_open *open = segment_open_of(worker, arena_segment_of(arena, location));
    size_t offset = ((size_t)location << arena->step_shift) & (arena_segment_size(arena) - 1);
    if (open == NULL || offset + size != open->position) {
        return false;
    }
    open->position = (uint32_t)offset;
    poison(arena_item(arena, location), size);
    return true;
}

void segment_drop(struct store_worker *worker, struct item *item) {
    const struct arena *arena = &worker->store->arena;
    uint32_t location = arena_location_of(arena, item);
    size_t size = arena_item_size(arena, item);
    if (!segment_move_back(worker, location, size)) {
        segment_kill(worker, location, size);
    }
}

/* --- pins --- */

void segment_pin(struct segment *segment) {
    /* relaxed: the caller's view keeps the segment until its next quiescent state, and that is a release. */
    if (atomic_fetch_add_explicit(&segment->pins, 1, memory_order_relaxed) == 0) {
        atomic_fetch_add_explicit(&segment->arena->pins_size, segment->size, memory_order_relaxed);
    }
}

void segment_unpin(struct segment *segment) {
    struct arena *arena = segment->arena;
    uint64_t size = segment->size; /* now: without pins it may become another's */
    /* release: the caller's last reads come before the look of who frees (segment_is_pinned). */
    uint32_t pins = atomic_fetch_sub_explicit(&segment->pins, 1, memory_order_release);
    assert(pins != 0);
    if (pins == 1) {
        /* relaxed: a sum for a bound that a few may pass. */
        atomic_fetch_sub_explicit(&arena->pins_size, size, memory_order_relaxed);
        /* release: whoever sees that it has changed sees the segment without pins (free_unpinned). */
        atomic_fetch_add_explicit(&arena->unpins_count, 1, memory_order_release);
    }
}

void segment_keep_fresh(struct store_worker *worker) {
    struct arena *arena = &worker->store->arena;
    if (worker->fresh != NULL) {
        uint32_t location = arena_location_of(arena, worker->fresh);
        segment_pin(&arena->segments[arena_segment_of(arena, location)]);
        item_set_mark(worker->fresh, ITEM_KEPT, true);
        worker->fresh = NULL;
    }
}
