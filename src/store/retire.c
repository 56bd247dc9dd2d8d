/* SPDX-License-Identifier: MIT
 *
 * retire: see segment.h. Stands above segments and index, which put their dead on lists; here they are freed.
 */
#include "index.h"
#include "segment.h"

/* Levels that several workers change; relaxed: rough figures for eviction and the statistics. */
static void coming_add(struct arena *arena, int64_t size) {
    atomic_fetch_add_explicit(&arena->coming_size, size, memory_order_relaxed);
}

static void pinned_add(struct arena *arena, int64_t size) {
    atomic_fetch_add_explicit(&arena->pinned_size, (uint64_t)size, memory_order_relaxed);
}

static void free_segment(struct store_worker *worker, uint32_t index) {
    counter_add(&worker->counters.freed, 1);
    arena_give(&worker->store->arena, index);
}

static void free_due(struct store_worker *worker, uint64_t epoch_max) {
    struct arena *arena = &worker->store->arena;
    while (worker->retired.first != SEGMENT_NONE &&
           arena->segments[worker->retired.first].retired_epoch <= epoch_max) {
        uint32_t index = arena_list_pop(arena, &worker->retired);
        int64_t size = arena->segments[index].size;
        if (unlikely(segment_is_pinned(&arena->segments[index]))) {
            arena_list_push(arena, &worker->pinned, index);
            pinned_add(arena, size);
        } else {
            free_segment(worker, index);
        }
        coming_add(arena, -size); /* last: who looks meanwhile sees it twice, never not at all */
    }
}

static void free_unpinned(struct store_worker *worker) {
    struct arena *arena = &worker->store->arena;
    struct arena_list still = {.first = SEGMENT_NONE, .last = SEGMENT_NONE};
    for (uint32_t index; (index = arena_list_pop(arena, &worker->pinned)) != SEGMENT_NONE;) {
        if (segment_is_pinned(&arena->segments[index])) {
            arena_list_push(arena, &still, index);
        } else {
            pinned_add(arena, -(int64_t)arena->segments[index].size);
            free_segment(worker, index);
        }
    }
    worker->pinned = still;
}

void retire_pass(struct store_worker *worker) {
    struct epoch *epoch = &worker->store->epoch;
    epoch_quiescent(epoch, &worker->member);
    if (likely(!retire_waits(worker) && worker->dead_items_count == 0)) {
        return;
    }
    if (epoch_advance(epoch, &worker->member)) {
        epoch_quiescent(epoch, &worker->member);
    }
    uint64_t now = epoch_now(epoch);
    if (now > EPOCH_GRACE) {
        free_due(worker, now - EPOCH_GRACE);
        index_free_due(worker, now - EPOCH_GRACE);
    }
    if (unlikely(worker->pinned.first != SEGMENT_NONE)) {
        free_unpinned(worker);
    }
    segment_poison_dead(worker);
}

/* --- leaving --- */

void retire_leave(struct store_worker *worker) {
    struct store *store = worker->store;
    struct arena *arena = &store->arena;
    for (uint32_t index; (index = arena_list_pop(arena, &worker->retired)) != SEGMENT_NONE;) {
        arena_list_push(arena, &store->orphans, index);
    }
    for (uint32_t index; (index = arena_list_pop(arena, &worker->pinned)) != SEGMENT_NONE;) {
        pinned_add(arena, -(int64_t)arena->segments[index].size);
        coming_add(arena, arena->segments[index].size);
        arena_list_push(arena, &store->orphans, index);
    }
    index_orphan_buckets(worker);
    bool any = store->orphans.first != SEGMENT_NONE || store->orphan_buckets != 0;
    atomic_store_explicit(&store->orphans_wait, any, memory_order_relaxed);
}

/* They are retired once more, under this worker's epoch: later than needed, never sooner. */
void retire_adopt(struct store_worker *worker) {
    struct store *store = worker->store;
    struct arena *arena = &store->arena;
    if (likely(!atomic_load_explicit(&store->orphans_wait, memory_order_relaxed)) ||
        pthread_mutex_trylock(&store->lock) != 0) {
        return;
    }
    for (uint32_t index; (index = arena_list_pop(arena, &store->orphans)) != SEGMENT_NONE;) {
        arena->segments[index].retired_epoch = epoch_tag(&worker->member);
        arena_list_push(arena, &worker->retired, index);
    }
    index_adopt_buckets(worker);
    atomic_store_explicit(&store->orphans_wait, false, memory_order_relaxed);
    pthread_mutex_unlock(&store->lock);
}

void retire_free_orphans(struct store *store) {
    struct arena *arena = &store->arena;
    for (uint32_t index; (index = arena_list_pop(arena, &store->orphans)) != SEGMENT_NONE;) {
        coming_add(arena, -(int64_t)arena->segments[index].size);
        assert(!segment_is_pinned(&arena->segments[index]));
        arena_give(arena, index);
    }
}
