/* SPDX-License-Identifier: MIT
 *
 * reclaim: frees what segments and index have retired, and makes room for who finds none: retires more, empties segments, waits for
 * workers that are late. See reclaim.h.
 */
#include "reclaim.h"

#include <sched.h>
#include <time.h>

#include "evict.h"
#include "index.h"
#include "riposte/clock.h"
#include "segment.h"

enum {
    RECLAIM_YIELD_NS = 500 * 1000, /* waited with open eyes: another worker's turn is seldom longer */
    RECLAIM_SLEEP_NS = 50 * 1000,
    RECLAIM_PAUSES_MAX =
        10000, /* that others had a chance to run in: on a machine with time for all some 2 s */
    RECLAIM_ROUNDS_MAX = 1000 * 1000,
};
#define RECLAIM_WAIT_NS_MAX     (2 * CLOCK_NS_PER_S)
#define RECLAIM_WAIT_ALL_NS_MAX (20 * CLOCK_NS_PER_S)

/* relaxed: a rough figure for the statistics. */
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
        arena_coming_add(arena, -size); /* last: who looks meanwhile sees it twice, never not at all */
    }
}

/* Only where some segment has lost its last pin since the last look: readers that do not read keep hundreds for minutes. */
static void free_unpinned(struct store_worker *worker) {
    struct arena *arena = &worker->store->arena;
    /*
     * acquire: pairs with segment_unpin. Before the look: a pin that ends during it changes the number once more. One that has ended
     * before this number was read for the last time was no longer met by free_due, which comes after that.
     */
    uint64_t unpins_count = atomic_load_explicit(&arena->unpins_count, memory_order_acquire);
    if (likely(unpins_count == worker->unpins_seen)) {
        return;
    }
    worker->unpins_seen = unpins_count;
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

void reclaim_pass(struct store_worker *worker) {
    struct epoch *epoch = &worker->store->epoch;
    epoch_quiescent(epoch, &worker->member);
    if (likely(!reclaim_waits(worker) && worker->dead_items_count == 0)) {
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

/* --- making room --- */

void reclaim_refuse(struct store_worker *worker) {
    if (!worker->room_was_coming) {
        counter_add(&worker->counters.no_memory, 1);
    }
}

bool store_deferred(struct store_worker *worker) {
    bool was_coming = worker->room_was_coming;
    worker->room_was_coming = false;
    return was_coming;
}

bool reclaim_pause(struct store_worker *worker, struct reclaim_wait *wait) {
    uint64_t now_ns = clock_monotonic_ns();
    wait->began_ns = wait->began_ns == 0 ? now_ns : wait->began_ns;
    wait->first_ns = wait->first_ns == 0 ? now_ns : wait->first_ns;
    uint64_t waited_ns = now_ns - wait->began_ns;
    wait->pauses++;
    if ((waited_ns > RECLAIM_WAIT_NS_MAX && wait->pauses > RECLAIM_PAUSES_MAX) ||
        now_ns - wait->first_ns > RECLAIM_WAIT_ALL_NS_MAX) {
        return false;
    }
    if (worker->store->turn_wait_ns != 0 && worker->paused_ns >= worker->store->turn_wait_ns) {
        worker->room_was_coming = true;
        return false;
    }
    if (waited_ns < RECLAIM_YIELD_NS) {
        sched_yield();
    } else {
        nanosleep(&(struct timespec){.tv_nsec = RECLAIM_SLEEP_NS}, NULL);
    }
    worker->paused_ns += clock_monotonic_ns() - now_ns;
    return true;
}

/* Bytes that must be free for an item of `size`: its segment, and what copies are kept for. */
static int64_t room_for(const struct arena *arena, size_t size) {
    size_t opened = arena_is_large(arena, size) ? size : arena_segment_size(arena);
    return (int64_t)(opened + ((size_t)ARENA_MOVES_SLOTS << arena->segment_shift));
}

bool reclaim_make_room(struct store_worker *worker, size_t size, struct reclaim_wait *wait) {
    struct arena *arena = &worker->store->arena;
    uint64_t freed = counter_read(&worker->counters.freed);
    reclaim_settle_refusal(worker);
    segment_keep_fresh(worker);
    reclaim_adopt(worker);
    reclaim_pass(worker);
    if (counter_read(&worker->counters.freed) != freed) {
        return true;
    }
    enum evict_try tried = evict_try(worker, size);
    if (tried == EVICT_EMPTIED) {
        wait->sequence = 0; /* something was won */
        return ++wait->rounds < RECLAIM_ROUNDS_MAX;
    }
    /* EVICT_NOT_TRIED: there was room enough, or on its way; others may have taken it since. Only EVICT_NOTHING says that none comes. */
    bool may_come =
        tried == EVICT_NOT_TRIED || arena_coming(arena) > 0 || arena_headroom(arena) >= room_for(arena, size);
    /* Segments that others open meanwhile were made free: memory does come, and is taken before this worker sees it. */
    if (arena_level(&arena->sequence) != wait->sequence) {
        *wait = (struct reclaim_wait){
            .rounds = wait->rounds, .first_ns = wait->first_ns, .sequence = arena_level(&arena->sequence)};
    }
    return may_come && reclaim_pause(worker, wait);
}

/* --- leaving --- */

void reclaim_leave(struct store_worker *worker) {
    struct store *store = worker->store;
    struct arena *arena = &store->arena;
    for (uint32_t index; (index = arena_list_pop(arena, &worker->retired)) != SEGMENT_NONE;) {
        arena_list_push(arena, &store->orphans, index);
    }
    for (uint32_t index; (index = arena_list_pop(arena, &worker->pinned)) != SEGMENT_NONE;) {
        pinned_add(arena, -(int64_t)arena->segments[index].size);
        arena_coming_add(arena, arena->segments[index].size);
        arena_list_push(arena, &store->orphans, index);
    }
    index_orphan_buckets(worker);
    bool any = store->orphans.first != SEGMENT_NONE || store->orphan_buckets != 0;
    /* relaxed: a hint. The lists are read and written under the store's lock, which the caller holds. */
    atomic_store_explicit(&store->orphans_wait, any, memory_order_relaxed);
}

/* They are retired once more, under this worker's epoch: later than needed, never sooner. */
void reclaim_adopt(struct store_worker *worker) {
    struct store *store = worker->store;
    struct arena *arena = &store->arena;
    /* relaxed: a hint, as in reclaim_leave. Who misses it looks again in its next turn; who sees it takes the lock. */
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

void reclaim_free_orphans(struct store *store) {
    struct arena *arena = &store->arena;
    struct arena_list still = {.first = SEGMENT_NONE, .last = SEGMENT_NONE};
    for (uint32_t index; (index = arena_list_pop(arena, &store->orphans)) != SEGMENT_NONE;) {
        if (segment_is_pinned(&arena->segments[index])) {
            arena_list_push(arena, &still, index);
        } else {
            arena_coming_add(arena, -(int64_t)arena->segments[index].size);
            arena_give(arena, index);
        }
    }
    store->orphans = still;
}
