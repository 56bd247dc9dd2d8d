/* SPDX-License-Identifier: MIT
 *
 * segment: appending to the log, and what becomes of a segment.
 *
 *      FREE --take--> OPEN --close--> QUEUED --choose--> EMPTIED --retire--> RETIRED --grace--> FREE
 *                      |              |  ^                                     ^
 *                      |   sweep_turn v  | sweep_end                           |
 *                      |             SWEPT                                     |
 *                      +-- all its items are dead: when it is closed, ---------+
 *                          while it is QUEUED, at the end of a sweep
 *      a large item's:   FREE --take--> UNFINISHED --put--> QUEUED --> ...
 *
 * Each worker appends to open segments of its own: one for each queue and class of time to live, so that what
 * expires together lies together. Nobody else touches what is behind the end of an open segment.
 *
 * Dead bytes. Whoever takes an item out of the index adds its size to the segment's `dead`. The one who makes
 * `dead` equal to `used` has taken the last one out and retires the segment. `used` is set when the segment is
 * closed; closing adds 0 to `dead`, atomically, so that of closer and last killer at least one sees both, and
 * `state`, under the arena's lock, lets only one act.
 *
 * A fresh item (made, not stored yet) must not be moved or freed: its segment is open, or pinned for it
 * (ITEM_KEPT) when it is closed, when another item is made, or when a turn ends.
 *
 * Worker's own thread, but for segment_unpin.
 */
#ifndef RIPOSTE_STORE_SEGMENT_H
#define RIPOSTE_STORE_SEGMENT_H

#include "state.h"

/* The class of what expires then: never, within a quarter of an hour, later. */
static inline unsigned segment_class(const struct store_worker *worker, uint32_t expires_tick) {
    enum { CLASS_SOON_S = 15 * 60 };
    if (likely(expires_tick == STORE_EXPIRES_NEVER)) {
        return 0;
    }
    return expires_tick <= worker_now_tick(worker) + CLASS_SOON_S ? 1 : 2;
}

/* Opens a new segment in place of the worker's full or flushed one; false where there is no memory. */
bool segment_reopen(struct store_worker *worker, enum segment_queue queue, unsigned class, bool for_move);

/* Closes one of the worker's open segments, if it is open; or all. */
void segment_close(struct store_worker *worker, enum segment_queue queue, unsigned class);
void segment_close_all(struct store_worker *worker);

/* Room for an item of `size` bytes (not a large one), rounded up to a step; NULL where there is no memory. */
static inline void *segment_append(struct store_worker *worker, enum segment_queue queue, unsigned class,
                                   size_t size, bool for_move) {
    struct store *store = worker->store;
    struct segment_open *open = &worker->open[queue][class];
    size_t item_size = size;
    size = arena_round(&store->arena, size);
    /* An open segment from before a flush would be flushed with all that comes into it. */
    if (unlikely(open->index == SEGMENT_NONE || open->position + size > arena_segment_size(&store->arena) ||
                 open->number < store_flush_number(store))) {
        if (!segment_reopen(worker, queue, class, for_move)) {
            return NULL;
        }
    }
    char *block = store->arena.base + ((size_t)open->index << store->arena.segment_shift) + open->position;
    open->position += (uint32_t)size;
    unpoison(block, item_size);
    return block;
}

/*
 * An item that was never in the index is dropped: the end of its open segment moves back, or it counts as
 * dead.
 */
void segment_drop(struct store_worker *worker, struct item *item);

/* The last item of a segment is out of the index. */
void segment_all_dead(struct store_worker *worker, uint32_t index);

/* Nothing in the segment is in the index; its state is SEGMENT_RETIRED, and it is in no queue: see reclaim.h. */
void segment_retire(struct store_worker *worker, uint32_t index);

/* A segment that the worker owns goes into a queue; one without live items is retired. */
void segment_enqueue(struct store_worker *worker, uint32_t index, enum segment_queue queue, uint32_t used);

#if STORE_POISONS
/* Remembers an item that is to be poisoned; of more than there is room for the oldest are forgotten. */
void segment_note_dead(struct store_worker *worker, uint32_t location);

/* Poisons dead items that no reader can have any more: those that this worker has killed. */
void segment_poison_dead(struct store_worker *worker);
#else
static inline void segment_note_dead(struct store_worker *worker, uint32_t location) {
    (void)worker;
    (void)location;
}

static inline void segment_poison_dead(struct store_worker *worker) {
    (void)worker;
}
#endif

/*
 * Bytes of items; SEGMENT_UNUSED while it is open. relaxed: who has the segment from a queue sees what closing wrote by the arena's
 * lock, and who counts its dead by that count (segment_enqueue).
 */
static inline uint32_t segment_used(const struct segment *segment) {
    return atomic_load_explicit(&segment->used, memory_order_relaxed);
}

/* The item in a place is out of the index; `size` as of arena_item_size. */
static inline void segment_kill(struct store_worker *worker, uint32_t location, size_t size) {
    struct arena *arena = &worker->store->arena;
    uint32_t index = arena_segment_of(arena, location);
    struct segment *segment = &arena->segments[index];
    segment_note_dead(worker, location);
    /* acquire and release: see above, and segment_enqueue. */
    uint32_t dead =
        atomic_fetch_add_explicit(&segment->dead, (uint32_t)size, memory_order_acq_rel) + (uint32_t)size;
    if (unlikely(dead == segment_used(segment))) {
        segment_all_dead(worker, index);
    }
}

/* Puts a segment at the end of a queue. Under the arena's lock. */
void segment_push(struct arena *arena, enum segment_queue queue, uint32_t index);

/* Takes a segment out of its queue. Under the arena's lock. */
void segment_dequeue(struct arena *arena, uint32_t index);

/* The segment emptied last is the one that is emptied first from now on, and so on. No worker is there. */
void segment_reverse_queue(struct arena *arena, enum segment_queue queue);

/* relaxed, both: times for a look, no more. What is looked at is judged by its own expiry. */
static inline uint32_t segment_expires_first(const struct segment *segment) {
    return atomic_load_explicit(&segment->expires_first, memory_order_relaxed);
}

static inline uint32_t segment_expires_last(const struct segment *segment) {
    return atomic_load_explicit(&segment->expires_last, memory_order_relaxed);
}

/* An item that expires then is in the segment. */
void segment_note_expiry(struct segment *segment, uint32_t expires_tick);

/* The fresh item, if any, stays unstored for longer: its segment is pinned. */
void segment_keep_fresh(struct store_worker *worker);

/* --- pins --- */

void segment_pin(struct segment *segment);
void segment_unpin(struct segment *segment);

static inline bool segment_is_pinned(const struct segment *segment) {
    /* acquire: pairs with segment_unpin; the last reads of what was pinned come before. */
    return atomic_load_explicit(&segment->pins, memory_order_acquire) != 0;
}

/* relaxed, both: who overwrites an item of it asks, and either answer will do. */
static inline enum segment_queue segment_queue(const struct segment *segment) {
    return (enum segment_queue)atomic_load_explicit(&segment->queue, memory_order_relaxed);
}

static inline void segment_set_queue(struct segment *segment, enum segment_queue queue) {
    atomic_store_explicit(&segment->queue, (uint8_t)queue, memory_order_relaxed);
}

/* relaxed, both: the arena's lock orders them, and between two holders the segment's owner is alone. */
static inline enum segment_state segment_state(const struct segment *segment) {
    return (enum segment_state)atomic_load_explicit(&segment->state, memory_order_relaxed);
}

static inline void segment_set_state(struct segment *segment, enum segment_state state) {
    atomic_store_explicit(&segment->state, (uint8_t)state, memory_order_relaxed);
}

#endif
