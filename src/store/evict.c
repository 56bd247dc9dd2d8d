/* SPDX-License-Identifier: MIT
 *
 * evict: empties a segment; what becomes of each of its items: copied, pushed out, taken out. See evict.h.
 */
#include "evict.h"

#include "expire.h"
#include "flush_table.h"
#include "index_grow.h"
#include "link.h"
#include "segment.h"
#include "candidate.h"

enum {
    EVICT_BATCH = 16, /* items whose homes are asked for together */
    EVICT_TURN_ITEMS = 2048,
    EVICT_MOVED_SHARE =
        16, /* one part in so many of the store is copied without winning a segment, before used
                               items go, too */
    EVICT_ACTIVE_S = 60,
    EVICT_BUSY_MS = 1,
};

/* --- choosing --- */

void evict_begin(struct store_worker *worker, uint32_t index, enum evict_mode mode) {
    assert(worker->emptying.index == SEGMENT_NONE);
    arena_coming_add(&worker->store->arena, worker->store->arena.segments[index].size);
    worker->emptying = (struct segment_walk){.index = index, .mode = mode};
}

/* Takes the next segment to empty; false when there is none. */
static bool evict_choose(struct store_worker *worker, enum candidate_search search) {
    struct arena *arena = &worker->store->arena;
    enum evict_mode mode;
    arena_lock(arena);
    uint32_t index = candidate_find(worker, search, &mode);
    if (index != SEGMENT_NONE) {
        segment_dequeue(arena, index);
        segment_set_state(&arena->segments[index], SEGMENT_EMPTIED);
        evict_begin(worker, index, mode);
    }
    arena_unlock(arena);
    return index != SEGMENT_NONE;
}

/* --- one item --- */

struct evict_item {
    struct item *item;
    uint32_t location;
    uint64_t hash;
};

static void evict_count(struct store_worker *worker, const struct item *item) {
    uint32_t used = item_used(item);
    counter_add(&worker->counters.evictions, 1);
    if ((used & ITEM_FETCHED) == 0) {
        counter_add(&worker->counters.evicted_unfetched, 1);
    } else if ((used >> ITEM_TICK_SHIFT) + EVICT_ACTIVE_S >= worker_now_tick(worker)) {
        counter_add(&worker->counters.evicted_active, 1);
    }
}

/* The item is live and goes. The place is open and gets closed. */
static void push_out(struct store_worker *worker, struct place *place, const struct evict_item *victim) {
    struct store *store = worker->store;
    const struct segment *segment = &store->arena.segments[worker->emptying.index];
    struct item_view view;
    size_t size = item_size(victim->item);
    link_view(store, victim->location, &view);
    evict_count(worker, victim->item);
    link_remove(worker, place);
    place_close(place);
    ghost_insert(&store->ghost, segment_queue(segment), victim->hash, size);
    if (unlikely(worker->on_evict != NULL)) {
        worker->on_evict(worker->on_evict_user, &view);
    }
}

static void take_out_dead(struct store_worker *worker, struct place *place) {
    link_count_reclaimed(worker, place->item);
    counter_add(&worker->counters.swept, 1);
    link_remove(worker, place);
    place_close(place);
}

/* Whether the policy keeps an item that lives. */
static bool should_keep(struct store_worker *worker, const struct item *item) {
    switch (worker->emptying.mode) {
    case EVICT_COMPACT:
        return true;
    case EVICT_QUEUE:
        return used_frequency(item_used(item)) != 0 &&
               worker->moved_since_gain < arena_level(&worker->store->arena.limit) / EVICT_MOVED_SHARE;
    }
    return false;
}

/* Where the copy of an item goes, and with what use. */
static enum segment_queue queue_of_copy(const struct store_worker *worker) {
    const struct segment *segment = &worker->store->arena.segments[worker->emptying.index];
    return worker->emptying.mode == EVICT_COMPACT ? segment_queue(segment) : QUEUE_MAIN;
}

static uint32_t used_of_copy(const struct store_worker *worker, uint32_t used) {
    const struct segment *segment = &worker->store->arena.segments[worker->emptying.index];
    unsigned frequency = used_frequency(used);
    if (worker->emptying.mode == EVICT_COMPACT || frequency == 0) {
        return used;
    }
    return segment_queue(segment) == QUEUE_SMALL ? used & ~(uint32_t)ITEM_FREQUENCY_MAX : used - 1;
}

/*
 * Whether a copy in that open segment may have the number of its new place: no client knows the old one, and the new one is
 * higher, so that the key's numbers rise, and the copy's order against flushes is not below the item's.
 */
static bool copy_takes_number(const struct item *item, uint64_t cas, const struct segment_open *open) {
    return item_number_is_drawn(item) && !item_has(item, ITEM_SHOWN) &&
           (open->index == SEGMENT_NONE || open->number > cas);
}

/* A copy in the log, not in the index; NULL when there is no room. */
static struct item *copy_make(struct store_worker *worker, const struct evict_item *victim) {
    struct store *store = worker->store;
    struct item_form form = item_form_of(victim->item);
    enum segment_queue queue = queue_of_copy(worker);
    unsigned class = segment_class(worker, form.expires_tick);
    form.cas = store_item_cas(store, victim->item, victim->location);
    form.cas_is_drawn = item_number_is_drawn(victim->item);
    if (copy_takes_number(victim->item, form.cas, &worker->open[queue][class])) {
        form.cas = 0;
        form.cas_is_drawn = false;
    } else if (unlikely(!form.cas_is_drawn)) {
        flush_table_before_copy(worker, form.key, queue, class);
    }
    void *block = segment_append(worker, queue, class, item_form_size(&form), true);
    if (block == NULL) {
        return NULL;
    }
    struct item *copy = item_init(block, &form);
    memcpy(item_value(copy), item_value(victim->item), form.value_size);
    return copy;
}

/* What may have changed until the lock was taken. */
static void copy_complete(const struct store_worker *worker, struct item *copy, const struct item *item) {
    if (item_has(item, ITEM_HAS_EXPIRY)) {
        item_set_expires(copy, item_expires(item));
    }
    item_set_mark(copy, ITEM_STALE, item_has(item, ITEM_STALE));
    item_set_mark(copy, ITEM_WON, item_has(item, ITEM_WON));
    item_set_mark(copy, ITEM_SHOWN, item_has(item, ITEM_SHOWN));
    item_set_used(copy, used_of_copy(worker, item_used(item)));
}

/* The place is open and gets closed. */
static void move(struct store_worker *worker, struct place *place, const struct evict_item *victim,
                 struct item *copy) {
    struct arena *arena = &worker->store->arena;
    uint32_t location = arena_location_of(arena, copy);
    size_t size = item_size(copy), old_size = arena_item_size(arena, victim->item);
    uint32_t expires_tick = item_expires(victim->item);
    copy_complete(worker, copy, victim->item);
    if (expires_tick != STORE_EXPIRES_NEVER) {
        segment_note_expiry(&arena->segments[arena_segment_of(arena, location)], expires_tick);
    }
    place_set(worker, place, location);
    place_close(place);
    counter_add(&worker->items_size_added, arena_round(arena, size));
    counter_add(&worker->items_size_removed, old_size);
    counter_add(&worker->moved_size, size);
    worker->emptying.moved_size += size;
    worker->moved_since_gain += size;
    segment_kill(worker, victim->location, old_size);
}

/* Not that a client was told the item's number since the copy was made, which has another. Under the lock of the home. */
static bool copy_is_true(const struct item *copy, const struct item *item) {
    return !item_has(item, ITEM_SHOWN) || item_has(copy, ITEM_HAS_CAS);
}

enum evict_outcome { EVICT_DONE, EVICT_NEEDS_COPY, EVICT_STUCK };

/* What becomes of an item that is still in the index; the copy is NULL where none could be or was to be made. */
static enum evict_outcome evict_settle(struct store_worker *worker, const struct evict_item *victim,
                                       struct item **copy, bool may_push_out) {
    struct place place;
    place_open_location(worker, victim->hash, victim->location, &place);
    if (place.item == NULL) {
        place_close(&place);
    } else if (!link_item_lives(worker, victim->item, victim->location)) {
        take_out_dead(worker, &place);
    } else if (*copy != NULL && copy_is_true(*copy, victim->item)) {
        move(worker, &place, victim, *copy);
        *copy = NULL;
    } else if (*copy != NULL || !may_push_out) {
        place_close(&place);
        return EVICT_NEEDS_COPY;
    } else {
        push_out(worker, &place, victim);
    }
    return EVICT_DONE;
}

static enum evict_outcome evict_one(struct store_worker *worker, const struct evict_item *victim) {
    const struct store *store = worker->store;
    bool lives = link_item_lives(worker, victim->item, victim->location);
    bool keep = lives && should_keep(worker, victim->item);
    struct item *copy =
        keep && index_has(&store->index, victim->hash, victim->location) ? copy_make(worker, victim) : NULL;
    enum evict_outcome outcome = evict_settle(worker, victim, &copy, store->evict && !keep);
    if (unlikely(outcome == EVICT_NEEDS_COPY)) {
        /* No room for a copy, or the index hid the entry for a moment, or a touch has brought it to life, or a number was shown. */
        if (copy != NULL) {
            segment_drop(worker, copy);
        }
        copy = copy_make(worker, victim);
        outcome = evict_settle(worker, victim, &copy, store->evict);
    }
    if (copy != NULL) {
        segment_drop(worker, copy);
    }
    return outcome == EVICT_NEEDS_COPY ? EVICT_STUCK : outcome;
}

/* --- one segment --- */

/* The segment's items are out of the index, or, where one large item stays, it goes back into a queue. */
static void evict_end(struct store_worker *worker) {
    struct arena *arena = &worker->store->arena;
    uint32_t index = worker->emptying.index;
    struct segment *segment = &arena->segments[index];
    if (worker->emptying.moved_size < segment->size / 2) {
        worker->moved_since_gain = 0;
    }
    worker->emptying.index = SEGMENT_NONE;
    segment_set_state(segment, SEGMENT_RETIRED);
    segment_retire(worker,
                   index); /* counts it as coming, too: between the two nobody may find that nothing comes */
    arena_coming_add(arena, -(int64_t)segment->size);
}

/* It goes back into a queue as it is. */
static void evict_give_up(struct store_worker *worker, enum segment_queue queue) {
    struct arena *arena = &worker->store->arena;
    uint32_t index = worker->emptying.index;
    struct segment *segment = &arena->segments[index];
    int64_t size = segment->size;
    worker->emptying.index = SEGMENT_NONE;
    segment_enqueue(worker, index, queue, segment_used(segment));
    arena_coming_add(arena, -size);
}

/* A large item is not copied: its segment changes the queue. True when it was kept. */
static bool large_keep(struct store_worker *worker, const struct evict_item *victim) {
    struct store *store = worker->store;
    if (!link_item_lives(worker, victim->item, victim->location) || !should_keep(worker, victim->item) ||
        !index_has(&store->index, victim->hash, victim->location)) {
        return false;
    }
    item_set_used(victim->item, used_of_copy(worker, item_used(victim->item)));
    worker->moved_since_gain += arena_segment_size(&store->arena) / 8;
    evict_give_up(worker, queue_of_copy(worker));
    return true;
}

static unsigned batch_collect(struct store_worker *worker, struct evict_item *batch) {
    struct store *store = worker->store;
    struct arena *arena = &store->arena;
    struct segment_walk *walk = &worker->emptying;
    const struct segment *segment = &arena->segments[walk->index];
    char *begin = segment->memory + (segment->is_large ? 0 : (size_t)1 << arena->step_shift);
    uint32_t used = segment_used(segment);
    unsigned count = 0;
    for (; count < EVICT_BATCH && walk->position < used; count++) {
        struct item *item = (struct item *)(void *)(begin + walk->position);
        batch[count] = (struct evict_item){.item = item,
                                           .location = arena_location_of(arena, item),
                                           .hash = index_hash(&store->index, item_key(item))};
        __builtin_prefetch(index_home(&store->index, index_homes_count(&store->index), batch[count].hash));
        walk->position += (uint32_t)arena_item_size(arena, item);
    }
    return count;
}

/* False when the segment went back into a queue. */
static bool evict_batch(struct store_worker *worker, const struct evict_item *batch, unsigned count) {
    const struct segment *segment = &worker->store->arena.segments[worker->emptying.index];
    if (unlikely(segment->is_large) && large_keep(worker, &batch[0])) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (unlikely(evict_one(worker, &batch[i]) == EVICT_STUCK)) {
            evict_give_up(worker, segment_queue(segment));
            return false;
        }
    }
    return true;
}

/* Up to items_max items more of what the worker is emptying; does nothing when it is not. */
static void evict_step(struct store_worker *worker, unsigned items_max) {
    struct evict_item batch[EVICT_BATCH];
    for (unsigned done = 0; done < items_max && worker->emptying.index != SEGMENT_NONE;) {
        unsigned count = batch_collect(worker, batch);
        if (count == 0) {
            evict_end(worker);
        } else if (!evict_batch(worker, batch, count)) {
            return;
        }
        done += count;
    }
    index_help_resize(worker);
}

void evict_finish(struct store_worker *worker) {
    evict_step(worker, UINT32_MAX);
    assert(worker->emptying.index == SEGMENT_NONE);
}

/* --- when --- */

/* Bytes that are missing for `size` and the reserve, with what is coming. */
static bool is_short(const struct store_worker *worker, size_t size) {
    const struct arena *arena = &worker->store->arena;
    int64_t coming = arena_coming(arena);
    return arena_headroom(arena) + coming < (int64_t)(size + arena_reserve(arena));
}

/* Whether there is room for copies, or no hope that some comes. */
static bool may_empty(const struct store_worker *worker) {
    const struct arena *arena = &worker->store->arena;
    int64_t needed = (int64_t)arena_segment_size(arena), headroom = arena_headroom(arena);
    return headroom >= needed || headroom + arena_coming(arena) < needed;
}

/* Nothing may be pushed out, and there is no segment left to copy into: where an item lives, none can be emptied. */
static bool is_stuck(const struct store_worker *worker) {
    const struct store *store = worker->store;
    return !store->evict && arena_headroom(&store->arena) < (int64_t)arena_segment_size(&store->arena);
}

enum evict_try evict_try(struct store_worker *worker, size_t size) {
    if (!is_short(worker, size) || !may_empty(worker)) {
        return EVICT_NOT_TRIED;
    }
    if (worker->emptying.index == SEGMENT_NONE && !evict_choose(worker, CANDIDATE_ANY)) {
        return EVICT_NOTHING;
    }
    uint64_t retired = counter_read(&worker->counters.retired);
    evict_step(worker, UINT32_MAX);
    return counter_read(&worker->counters.retired) == retired && is_stuck(worker) ? EVICT_NOTHING
                                                                                  : EVICT_EMPTIED;
}

/* After a flush: empties what is from before it, until two rounds over all segments have found none. */
static unsigned evict_flushed(struct store_worker *worker) {
    uint32_t round = evict_rounds(worker->store);
    if (evict_choose(worker, CANDIDATE_OVER)) {
        worker->flush_round = round;
    } else if (round - worker->flush_round >= 2) {
        evict_set_flushed_wait(worker->store, false);
        return 0;
    }
    return EVICT_BUSY_MS;
}

/* What this worker looks for, if anything. */
static enum candidate_search evict_search(const struct store_worker *worker) {
    if (unlikely(is_short(worker, 0))) {
        return CANDIDATE_ANY;
    }
    /* relaxed: a hint. */
    if (unlikely(atomic_load_explicit(&worker->store->flushed_wait, memory_order_relaxed))) {
        return CANDIDATE_OVER;
    }
    return unlikely(worker->sparse_due) ? CANDIDATE_SPARSE : CANDIDATE_NONE;
}

/* Begins with a segment. What evict_turn returns; 0: there is none. */
static unsigned evict_look(struct store_worker *worker) {
    switch (evict_search(worker)) {
    case CANDIDATE_NONE:
        return 0;
    case CANDIDATE_OVER:
        return evict_flushed(worker);
    case CANDIDATE_SPARSE:
        worker->sparse_due = evict_choose(worker, CANDIDATE_SPARSE);
        return worker->sparse_due ? EVICT_BUSY_MS : 0;
    case CANDIDATE_ANY:
        return !may_empty(worker) || evict_choose(worker, CANDIDATE_ANY) ? EVICT_BUSY_MS : 0;
    }
    return 0;
}

unsigned evict_turn(struct store_worker *worker) {
    if (likely(worker->emptying.index == SEGMENT_NONE)) {
        unsigned wait_ms = evict_look(worker);
        if (likely(worker->emptying.index == SEGMENT_NONE)) {
            return wait_ms;
        }
    }
    evict_step(worker, EVICT_TURN_ITEMS);
    return EVICT_BUSY_MS;
}
