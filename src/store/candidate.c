/* SPDX-License-Identifier: MIT
 *
 * candidate: looks at descriptors, then at the ends of the queues. See candidate.h.
 */
#include "candidate.h"

#include "index.h"
#include "link.h"
#include "segment.h"

enum {
    CANDIDATE_SCAN_MAX = 256,  /* descriptors looked at for a choice */
    CANDIDATE_PASSED_MAX = 64, /* pinned segments that go to the end of their queue at a time */
    CANDIDATE_GAIN_SHARE = 4,  /* free bytes of a segment that make it worth copying: one part in so many */
    CANDIDATE_GAIN_SHARE_FULL = 16, /* the same where nothing may be pushed out */
    CANDIDATE_GAIN_SHARE_SPARSE = 2,
    CANDIDATE_LARGE_SIZE = 4096, /* bytes of an item: to copy one costs about what it costs to store one */
};

static bool is_free_to_take(const struct segment *segment) {
    return segment_state(segment) == SEGMENT_QUEUED && !segment_is_pinned(segment);
}

static bool is_over(const struct store_worker *worker, uint32_t index) {
    const struct store *store = worker->store;
    const struct segment *segment = &store->arena.segments[index];
    return arena_number(&store->arena, index) < store_flush_number(store) ||
           segment_expires_last(segment) <= worker_now_tick(worker);
}

/*
 * Bytes that emptying the segment would win if nothing were pushed out. Where nothing may be, a tail that the next item did not
 * fit into is none: the copies leave one like it, and a full store would be copied round and round. A longer one is of a segment
 * that was closed early.
 */
static uint32_t segment_gain(const struct store *store, const struct segment *segment) {
    uint32_t used = segment_used(segment);
    /* relaxed: a guess at what it is worth. */
    uint32_t dead = atomic_load_explicit(&segment->dead, memory_order_relaxed);
    uint32_t tail = segment->size - used;
    bool tail_counts = store->evict || arena_is_large(&store->arena, tail);
    return segment->is_large ? 0 : dead + (tail_counts ? tail : 0);
}

/* Of a slot's bytes; a segment that wins more is worth copying. */
static uint32_t gain_least(const struct store *store, enum candidate_search search) {
    unsigned share = search == CANDIDATE_SPARSE ? CANDIDATE_GAIN_SHARE_SPARSE
                     : store->evict             ? CANDIDATE_GAIN_SHARE
                                                : CANDIDATE_GAIN_SHARE_FULL;
    return (uint32_t)(arena_segment_size(&store->arena) / share);
}

/* The next descriptor in use, round and round; SEGMENT_NONE where the round ends. Under the lock. */
static uint32_t scan_next(struct arena *arena) {
    uint32_t index = arena_scan(arena, arena->scan_next);
    if (index == SEGMENT_NONE) {
        /* relaxed: as evict_rounds. */
        atomic_fetch_add_explicit(&arena->scan_rounds, 1, memory_order_relaxed);
    }
    arena->scan_next = index == SEGMENT_NONE ? 0 : index + 1;
    return index;
}

/* Cases 1 and 2. Under the lock. */
static uint32_t find_scanning(struct store_worker *worker, enum candidate_search search) {
    struct arena *arena = &worker->store->arena;
    uint32_t best = SEGMENT_NONE;
    uint32_t best_gain = gain_least(worker->store, search);
    for (unsigned i = 0; i < CANDIDATE_SCAN_MAX; i++) {
        uint32_t index = scan_next(arena);
        if (index == SEGMENT_NONE || !is_free_to_take(&arena->segments[index])) {
            continue;
        }
        if (is_over(worker, index)) {
            return index;
        }
        uint32_t gain = segment_gain(worker->store, &arena->segments[index]);
        if (gain > best_gain) {
            best_gain = gain;
            best = index;
        }
    }
    return search == CANDIDATE_OVER ? SEGMENT_NONE : best;
}

/*
 * The oldest of a queue that is free to take; those that are not go to its end, so that the next look does not meet them again.
 * SEGMENT_NONE after CANDIDATE_PASSED_MAX of them, or when all have been passed. Under the lock.
 */
static uint32_t find_oldest(struct arena *arena, enum segment_queue queue, uint64_t *passed_size) {
    const struct arena_list *list = &arena->queues[queue];
    for (unsigned i = 0; i < CANDIDATE_PASSED_MAX && *passed_size < list->size; i++) {
        uint32_t index = list->first;
        if (is_free_to_take(&arena->segments[index])) {
            return index;
        }
        *passed_size += arena->segments[index].size;
        segment_dequeue(arena, index);
        segment_push(arena, queue, index);
    }
    return SEGMENT_NONE;
}

/* Case 3. Under the lock, which others have in between. */
static uint32_t find_by_age(struct store *store) {
    struct arena *arena = &store->arena;
    uint64_t passed_size[QUEUES_COUNT] = {0}; /* bytes of each queue that were looked at in vain */
    uint64_t target = arena_level(&store->ghost.small_target);
    enum segment_queue queue = arena->queues[QUEUE_SMALL].size > target ? QUEUE_SMALL : QUEUE_MAIN;
    for (unsigned i = 0; i < QUEUES_COUNT; i++) {
        while (passed_size[queue] < arena->queues[queue].size) {
            uint32_t index = find_oldest(arena, queue, &passed_size[queue]);
            if (index != SEGMENT_NONE) {
                return index;
            }
            arena_unlock(arena);
            arena_lock(arena);
        }
        queue = queue == QUEUE_SMALL ? QUEUE_MAIN : QUEUE_SMALL;
    }
    return SEGMENT_NONE;
}

/* Bytes of items in the index; a little wrong while other workers change it. */
static uint64_t live_size(const struct store *store) {
    unsigned count = epoch_members_count(&store->epoch);
    uint64_t size = 0; /* modulo 2^64: a worker may have removed more than it has added */
    for (unsigned i = 0; i < count; i++) {
        const struct store_worker *worker = store_member(store, i);
        size += counter_read(&worker->items_size_added) - counter_read(&worker->items_size_removed);
    }
    return (int64_t)size > 0 ? size : 0;
}

/* That may be dead, in a log with so many that live. */
static uint64_t dead_size_max(const struct store *store, uint64_t live) {
    bool large = live / CANDIDATE_LARGE_SIZE > index_items_count(&store->index);
    uint64_t dead = large ? live * 2 : live, reserve = arena_reserve(&store->arena);
    return dead > reserve ? dead : reserve;
}

/* Items in open segments live, too, and these are in no queue: few bytes too little are found dead. Under the lock. */
static bool is_sparse(const struct store *store) {
    const struct arena *arena = &store->arena;
    uint64_t log_size = arena->queues[QUEUE_SMALL].size + arena->queues[QUEUE_MAIN].size;
    uint64_t live = live_size(store);
    return log_size > live && log_size - live > dead_size_max(store, live);
}

uint32_t candidate_find(struct store_worker *worker, enum candidate_search search, enum evict_mode *mode) {
    struct store *store = worker->store;
    *mode = EVICT_COMPACT;
    if (search == CANDIDATE_SPARSE && !is_sparse(store)) {
        return SEGMENT_NONE;
    }
    uint32_t index = find_scanning(worker, search);
    if (index == SEGMENT_NONE && search == CANDIDATE_ANY && store->evict) {
        *mode = EVICT_QUEUE;
        index = find_by_age(store);
    }
    return index;
}
