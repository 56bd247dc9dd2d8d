/* SPDX-License-Identifier: MIT
 *
 * retire: see retire.h.
 */
#include "segment.h"

#include "index.h"

static void list_push(struct arena *arena, struct arena_list *list, uint32_t index) {
    arena->segments[index].next = SEGMENT_NONE;
    if (list->last == SEGMENT_NONE) {
        list->first = index;
    } else {
        arena->segments[list->last].next = index;
    }
    list->last = index;
    list->size += arena->segments[index].size;
}

static uint32_t list_pop(struct arena *arena, struct arena_list *list) {
    uint32_t index = list->first;
    if (index != SEGMENT_NONE) {
        list->first = arena->segments[index].next;
        list->size -= arena->segments[index].size;
        if (list->first == SEGMENT_NONE) {
            list->last = SEGMENT_NONE;
        }
    }
    return index;
}

/* Levels that several workers change; relaxed: rough figures for eviction and the statistics. */
static void coming_add(struct arena *arena, int64_t size) {
    atomic_fetch_add_explicit(&arena->coming_size, size, memory_order_relaxed);
}

static void pinned_add(struct arena *arena, int64_t size) {
    atomic_fetch_add_explicit(&arena->pinned_size, (uint64_t)size, memory_order_relaxed);
}

void retire_segment(struct store_worker *worker, uint32_t index) {
    struct arena *arena = &worker->store->arena;
    struct segment *segment = &arena->segments[index];
    assert(segment_state(segment) == SEGMENT_RETIRED);
    segment->retired_epoch = epoch_tag(&worker->member);
    counter_add(&worker->counters.retired, 1);
    coming_add(arena, segment->size);
    list_push(arena, &worker->retired, index);
}

void retire_bucket(struct store_worker *worker, uint32_t number) {
    uint64_t epoch = epoch_tag(&worker->member);
    unsigned list = epoch % STORE_EPOCH_LISTS;
    /* A list is freed before its turn comes again: EPOCH_GRACE is below the number of lists. */
    if (worker->buckets_epochs[list] != epoch) {
        index_free_buckets(worker, worker->buckets_retired[list], &worker->buckets_retired_count);
        worker->buckets_retired[list] = 0;
        worker->buckets_epochs[list] = epoch;
    }
    worker->store->index.overflow_links[number] = worker->buckets_retired[list];
    worker->buckets_retired[list] = number;
    worker->buckets_retired_count++;
}

static void free_segment(struct store_worker *worker, uint32_t index) {
    counter_add(&worker->counters.freed, 1);
    arena_give(&worker->store->arena, index);
}

static void free_due(struct store_worker *worker, uint64_t epoch_max) {
    struct arena *arena = &worker->store->arena;
    while (worker->retired.first != SEGMENT_NONE &&
           arena->segments[worker->retired.first].retired_epoch <= epoch_max) {
        uint32_t index = list_pop(arena, &worker->retired);
        int64_t size = arena->segments[index].size;
        coming_add(arena, -size);
        if (unlikely(segment_is_pinned(&arena->segments[index]))) {
            list_push(arena, &worker->pinned, index);
            pinned_add(arena, size);
        } else {
            free_segment(worker, index);
        }
    }
}

static void free_unpinned(struct store_worker *worker) {
    struct arena *arena = &worker->store->arena;
    struct arena_list still = {.first = SEGMENT_NONE, .last = SEGMENT_NONE};
    for (uint32_t index; (index = list_pop(arena, &worker->pinned)) != SEGMENT_NONE;) {
        if (segment_is_pinned(&arena->segments[index])) {
            list_push(arena, &still, index);
        } else {
            pinned_add(arena, -(int64_t)arena->segments[index].size);
            free_segment(worker, index);
        }
    }
    worker->pinned = still;
}

static void free_buckets(struct store_worker *worker, uint64_t epoch_max) {
    for (unsigned list = 0; list < STORE_EPOCH_LISTS; list++) {
        if (worker->buckets_retired[list] != 0 && worker->buckets_epochs[list] <= epoch_max) {
            index_free_buckets(worker, worker->buckets_retired[list], &worker->buckets_retired_count);
            worker->buckets_retired[list] = 0;
        }
    }
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
        free_buckets(worker, now - EPOCH_GRACE);
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
    for (uint32_t index; (index = list_pop(arena, &worker->retired)) != SEGMENT_NONE;) {
        list_push(arena, &store->orphans, index);
    }
    for (uint32_t index; (index = list_pop(arena, &worker->pinned)) != SEGMENT_NONE;) {
        pinned_add(arena, -(int64_t)arena->segments[index].size);
        coming_add(arena, arena->segments[index].size);
        list_push(arena, &store->orphans, index);
    }
    for (unsigned list = 0; list < STORE_EPOCH_LISTS; list++) {
        for (uint32_t number; (number = worker->buckets_retired[list]) != 0;) {
            worker->buckets_retired[list] = store->index.overflow_links[number];
            store->index.overflow_links[number] = store->orphan_buckets;
            store->orphan_buckets = number;
        }
    }
    worker->buckets_retired_count = 0;
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
    for (uint32_t index; (index = list_pop(arena, &store->orphans)) != SEGMENT_NONE;) {
        arena->segments[index].retired_epoch = epoch_tag(&worker->member);
        list_push(arena, &worker->retired, index);
    }
    for (uint32_t number; (number = store->orphan_buckets) != 0;) {
        store->orphan_buckets = store->index.overflow_links[number];
        retire_bucket(worker, number);
    }
    atomic_store_explicit(&store->orphans_wait, false, memory_order_relaxed);
    pthread_mutex_unlock(&store->lock);
}

void retire_free_orphans(struct store *store) {
    struct arena *arena = &store->arena;
    for (uint32_t index; (index = list_pop(arena, &store->orphans)) != SEGMENT_NONE;) {
        coming_add(arena, -(int64_t)arena->segments[index].size);
        assert(!segment_is_pinned(&arena->segments[index]));
        arena_give(arena, index);
    }
}
