/* SPDX-License-Identifier: MIT
 *
 * sweep: finds segments in which something has expired, and takes that out between two turns. See sweep.h.
 */
#include "sweep.h"

#include "evict.h"
#include "expire.h"
#include "index_grow.h"
#include "link.h"
#include "segment.h"

enum {
    SWEEP_SCAN_MAX = 512, /* descriptors looked at in a turn */
    SWEEP_TURN_ITEMS = 1024,
    SWEEP_WAIT_SHARE = 16,
    SWEEP_WAIT_S_MAX = 30,
    SWEEP_BUSY_MS = 1,
    SWEEP_WAKE_MS = 1000,
    SWEEP_WAKE_MS_MAX = 3600 * 1000,
};

/* --- one segment --- */

static void sweep_item(struct store_worker *worker, struct item *item) {
    struct store *store = worker->store;
    struct segment *segment = &store->arena.segments[worker->sweeping.index];
    uint32_t expires_tick = item_expires(item);
    struct place place;
    counter_add(&worker->counters.sweep_checked, 1);
    if (expires_tick == STORE_EXPIRES_NEVER) {
        return;
    }
    uint32_t location = arena_location_of(&store->arena, item);
    if (link_item_lives(worker, item, location)) {
        segment_note_expiry(segment, expires_tick);
        return;
    }
    place_open_location(worker, index_hash(&store->index, item_key(item)), location, &place);
    if (place.item != NULL && !link_item_lives(worker, item, location)) {
        link_count_reclaimed(worker, item);
        counter_add(&worker->counters.swept, 1);
        link_remove(worker, &place);
    }
    place_close(&place);
}

static uint32_t wait_s(const struct store_worker *worker, const struct segment *segment) {
    uint32_t now_tick = worker_now_tick(worker);
    uint32_t last_tick = segment_expires_last(segment);
    uint32_t wait = last_tick > now_tick ? (last_tick - now_tick) / SWEEP_WAIT_SHARE + 1 : 1;
    return wait < SWEEP_WAIT_S_MAX ? wait : SWEEP_WAIT_S_MAX;
}

static void sweep_end(struct store_worker *worker) {
    struct arena *arena = &worker->store->arena;
    uint32_t index = worker->sweeping.index;
    struct segment *segment = &arena->segments[index];
    worker->sweeping.index = SEGMENT_NONE;
    segment->sweep_tick = worker_now_tick(worker) + wait_s(worker, segment);
    arena_lock(arena);
    /* acquire and release: as in segment_enqueue; who took the last one out meanwhile has left it to us. */
    bool empty = atomic_fetch_add_explicit(&segment->dead, 0, memory_order_acq_rel) == segment_used(segment);
    segment_set_state(segment, empty ? SEGMENT_RETIRED : SEGMENT_QUEUED);
    if (empty) {
        segment_dequeue(arena, index);
    }
    arena_unlock(arena);
    if (empty) {
        segment_retire(worker, index);
    } else {
        uint32_t due_tick = expire_due(segment_expires_first(segment));
        expire_note_due(worker->store, due_tick > segment->sweep_tick ? due_tick : segment->sweep_tick);
    }
}

static void sweep_step(struct store_worker *worker, unsigned items_max) {
    struct arena *arena = &worker->store->arena;
    struct segment_walk *walk = &worker->sweeping;
    if (walk->index == SEGMENT_NONE) {
        return;
    }
    const struct segment *segment = &arena->segments[walk->index];
    char *begin = segment->memory + (segment->is_large ? 0 : (size_t)1 << arena->step_shift);
    uint32_t used = segment_used(segment);
    for (unsigned i = 0; i < items_max && walk->position < used; i++) {
        struct item *item = (struct item *)(void *)(begin + walk->position);
        walk->position += (uint32_t)arena_item_size(arena, item);
        sweep_item(worker, item);
    }
    if (walk->position >= used) {
        sweep_end(worker);
    }
    index_help_resize(worker);
}

void sweep_finish(struct store_worker *worker) {
    sweep_step(worker, UINT32_MAX);
}

/* --- finding segments --- */

/* Takes a segment if something in it has expired; notes in found_tick when to look again. */
static bool sweep_look(struct store_worker *worker, uint32_t index) {
    struct arena *arena = &worker->store->arena;
    struct sweep *sweep = &worker->store->sweep;
    struct segment *segment = &arena->segments[index];
    uint32_t now_tick = worker_now_tick(worker);
    uint32_t first_tick = segment_expires_first(segment);
    uint32_t last_tick = segment_expires_last(segment);
    enum segment_state state = segment_state(segment);
    if (first_tick == UINT32_MAX || state == SEGMENT_FREE || state == SEGMENT_RETIRED) {
        return false;
    }
    uint32_t due_tick = expire_due(first_tick);
    if (last_tick > now_tick && segment->sweep_tick > due_tick) {
        due_tick = segment->sweep_tick;
    }
    bool taken = false;
    if (due_tick <= now_tick && state == SEGMENT_QUEUED) {
        /* Not where an item is not stored yet: it would come into the index when its segment is out of it. */
        bool whole =
            last_tick <= now_tick && worker->emptying.index == SEGMENT_NONE && !segment_is_pinned(segment);
        taken = true;
        if (whole) {
            segment_dequeue(arena, index);
            segment_set_state(segment, SEGMENT_EMPTIED);
            evict_begin(worker, index, EVICT_COMPACT);
        } else {
            segment_set_state(segment, SEGMENT_SWEPT);
            /* What is touched from now on lowers it again; what the sweep leaves, too. relaxed: as segment_expires_first. */
            atomic_store_explicit(&segment->expires_first, UINT32_MAX, memory_order_relaxed);
            worker->sweeping = (struct segment_walk){.index = index};
        }
    } else {
        due_tick = due_tick > now_tick ? due_tick : now_tick + 1;
        sweep->found_tick = due_tick < sweep->found_tick ? due_tick : sweep->found_tick;
    }
    return taken;
}

/* A few descriptors more of the round. Under sweep.locked. */
static void sweep_search(struct store_worker *worker) {
    struct arena *arena = &worker->store->arena;
    struct sweep *sweep = &worker->store->sweep;
    if (sweep->next == 0) {
        /* Before the round: what is stored from now on lowers it again. relaxed: as in expire_note_due. */
        sweep->found_tick = UINT32_MAX;
        atomic_store_explicit(&sweep->due_tick, UINT32_MAX, memory_order_relaxed);
    }
    arena_lock(arena);
    for (unsigned i = 0; i < SWEEP_SCAN_MAX; i++) {
        uint32_t index = arena_scan(arena, sweep->next);
        if (index == SEGMENT_NONE) {
            sweep->next = 0;
            expire_lower_due(worker->store, sweep->found_tick);
            break;
        }
        sweep->next = index + 1;
        if (sweep_look(worker, index)) {
            break;
        }
    }
    arena_unlock(arena);
}

/* An idle worker's open segments, of which everything has expired, are given to the sweep. */
static void close_expired(struct store_worker *worker) {
    const struct arena *arena = &worker->store->arena;
    for (unsigned queue = 0; queue < QUEUES_COUNT; queue++) {
        for (unsigned class = 1; class < STORE_CLASSES_COUNT; class ++) {
            uint32_t index = worker->open[queue][class].index;
            if (index != SEGMENT_NONE &&
                segment_expires_last(&arena->segments[index]) <= worker_now_tick(worker)) {
                segment_close(worker, (enum segment_queue)queue, class);
            }
        }
    }
}

static unsigned wait_ms_until(const struct store_worker *worker, uint32_t due_tick) {
    uint32_t now_tick = worker_now_tick(worker);
    uint64_t wait_ms = due_tick > now_tick ? (uint64_t)(due_tick - now_tick) * 1000 : SWEEP_BUSY_MS;
    return wait_ms < SWEEP_WAKE_MS_MAX ? (unsigned)wait_ms : SWEEP_WAKE_MS_MAX;
}

unsigned sweep_turn(struct store_worker *worker) {
    struct sweep *sweep = &worker->store->sweep;
    if (unlikely(worker->sweeping.index != SEGMENT_NONE)) {
        sweep_step(worker, SWEEP_TURN_ITEMS);
        return SWEEP_BUSY_MS;
    }
    /* relaxed: looked at again under the lock. */
    uint32_t due_tick = atomic_load_explicit(&sweep->due_tick, memory_order_relaxed);
    bool in_round = atomic_load_explicit(&sweep->in_round, memory_order_relaxed);
    if (likely(!in_round && due_tick > worker_now_tick(worker))) {
        return due_tick == UINT32_MAX ? 0 : wait_ms_until(worker, due_tick);
    }
    close_expired(worker);
    /* acquire: pairs with the release by the last one, which wrote the plain fields. */
    if (atomic_exchange_explicit(&sweep->locked, true, memory_order_acquire)) {
        return SWEEP_WAKE_MS;
    }
    sweep_search(worker);
    /* relaxed: only a hint to who has not the lock. */
    atomic_store_explicit(&sweep->in_round, sweep->next != 0, memory_order_relaxed);
    /* release: pairs with the acquire above. */
    atomic_store_explicit(&sweep->locked, false, memory_order_release);
    return SWEEP_BUSY_MS;
}
