/* SPDX-License-Identifier: MIT
 *
 * get: looking up with options: touching, creating on a miss, and who recomputes a stale value: winning is one step under the
 * lock, so of all workers exactly one is told so. Before it pins, last going through all items. A plain get stands in link.c.
 */
#include "index_grow.h"
#include "link.h"
#include "put.h"
#include "segment.h"
#include "update.h"

enum {
    PIN_SHARE = 8, /* segments with pins take one part in so many of the limit, at most */
};

/* --- pins --- */

bool store_pin(const struct item_view *view) {
    struct segment *segment = view->pin;
    const struct arena *arena = segment->arena;
    uint64_t size_max = arena_level(&arena->limit) / PIN_SHARE;
    /* relaxed, all: a bound that a few may pass at a time. One segment may always be pinned, whatever its size. */
    uint64_t size = arena_level(&arena->pins_size);
    if (unlikely(size != 0 && size + segment->size > size_max) &&
        atomic_load_explicit(&segment->pins, memory_order_relaxed) == 0) {
        return false;
    }
    segment_pin(segment);
    return true;
}

void store_unpin(void *pin) {
    segment_unpin(pin);
}

/* --- touching --- */

/* The same item with room for an expiry: its number stays. */
struct touch {
    uint32_t expires_tick;
};

static enum store_status touch_plan(const struct store_worker *worker, const void *input,
                                    const struct update_old *old, struct item_form *form) {
    const struct touch *touch = input;
    if (old->item == NULL) {
        return STORE_MISS;
    }
    *form = item_form_of(old->item);
    form->has_expiry = true;
    form->expires_tick = touch->expires_tick;
    form->cas = store_item_cas(worker->store, old->item, old->location);
    form->cas_is_drawn = item_number_is_drawn(old->item);
    return STORE_OK;
}

static void touch_fill(const void *input, struct item *item, const struct update_old *old) {
    (void)input;
    memcpy(item_value(item), item_value(old->item), item_value_size(item));
}

static void touch_finish(const void *input, struct item *item, const struct update_old *old) {
    const struct touch *touch = input;
    item_set_expires(item, touch->expires_tick);
    item_set_mark(item, ITEM_STALE, item_has(old->item, ITEM_STALE));
    item_set_mark(item, ITEM_WON, item_has(old->item, ITEM_WON));
    item_set_mark(item, ITEM_SHOWN, item_has(old->item, ITEM_SHOWN));
    item_set_used(item, item_used(old->item) & ITEM_FETCHED);
}

static enum store_status touch_update(struct store_worker *worker, uint64_t hash, struct bytes key,
                                      uint32_t expires_tick) {
    const struct touch touch = {.expires_tick = expires_tick};
    const struct update update = {.key = key,
                                  .hash = hash,
                                  .input = &touch,
                                  .keeps_number = true,
                                  .is_change = true,
                                  .plan = touch_plan,
                                  .fill = touch_fill,
                                  .finish = touch_finish};
    return update_run(worker, &update, NULL, NULL);
}

/* Where the item has room for an expiry, or needs none, it stays. */
static bool touch_in_place(struct store_worker *worker, struct place *place, uint32_t expires_tick) {
    if (item_has(place->item, ITEM_HAS_EXPIRY)) {
        put_set_expires(worker, place, expires_tick);
        return true;
    }
    return expires_tick == STORE_EXPIRES_NEVER;
}

enum store_status store_touch(struct store_worker *worker, struct bytes key, uint32_t expires_tick) {
    uint64_t hash = index_hash(&worker->store->index, key);
    struct place place;
    link_open(worker, hash, key, &place);
    bool found = place.item != NULL;
    bool done = !found || touch_in_place(worker, &place, expires_tick);
    if (found && done) {
        item_use(place.item, worker_now_tick(worker), ITEM_FETCHED);
    }
    place_close(&place);
    if (done) {
        return found ? STORE_OK : STORE_MISS;
    }
    enum store_status status = touch_update(worker, hash, key, expires_tick);
    if (status == STORE_OK) {
        uint32_t location = index_find(worker->store, hash, key);
        if (location != 0) {
            item_use(arena_item(&worker->store->arena, location), worker_now_tick(worker), ITEM_FETCHED);
        }
    }
    return status;
}

/* --- looking up with options --- */

static enum store_status create_plan(const struct store_worker *worker, const void *input,
                                     const struct update_old *old, struct item_form *form) {
    (void)worker;
    const struct get_options *options = input;
    form->key_is_binary = options->key_is_binary;
    form->expires_tick = options->create_expires_tick;
    form->cas = options->create_cas;
    return old->item == NULL ? STORE_OK : STORE_EXISTS;
}

static void create_fill(const void *input, struct item *item, const struct update_old *old) {
    (void)input;
    (void)old;
    assert(item_value_size(item) == 0);
}

static void create_finish(const void *input, struct item *item, const struct update_old *old) {
    (void)old;
    const struct get_options *options = input;
    item_set_mark(item, ITEM_WON, true);
    item_set_mark(item, ITEM_SHOWN, options->shows_number);
}

/* STORE_OK: created; STORE_EXISTS: another worker was faster; STORE_NO_MEMORY. */
static enum store_status create(struct store_worker *worker, uint64_t hash, struct bytes key,
                                const struct get_options *options, uint32_t *location) {
    const struct update update = {.key = key,
                                  .hash = hash,
                                  .input = options,
                                  .plan = create_plan,
                                  .fill = create_fill,
                                  .finish = create_finish};
    return update_run(worker, &update, NULL, location);
}

static bool should_win(const struct get_options *options, const struct item_view *view) {
    if (options->meta && view->stale) {
        return true;
    }
    uint32_t expires_tick = options->recache_touched ? options->touch_expires_tick : view->expires_tick;
    if (!options->recache || expires_tick == STORE_EXPIRES_NEVER) {
        return false;
    }
    return expires_tick < options->recache_before_tick;
}

/*
 * A live item was met. What has to be done under the lock: false when it is no longer the key's. The touch comes first: where it
 * has no room in the item (*touched false) nothing is done, since making room may fail, and nobody may have won then.
 */
static bool hit_locked(struct store_worker *worker, uint64_t hash, uint32_t location,
                       const struct get_options *options, struct item_view *view, bool *touched) {
    struct place place;
    place_open_location(worker, hash, location, &place);
    bool same = place.item != NULL;
    *touched = !same || !options->touch || touch_in_place(worker, &place, options->touch_expires_tick);
    bool changes = same && *touched;
    if (changes && should_win(options, view)) {
        view->won_before = item_has(place.item, ITEM_WON);
        view->won = !view->won_before;
        item_set_mark(place.item, ITEM_WON, true);
    }
    if (changes && options->shows_number) {
        item_set_mark(place.item, ITEM_SHOWN, true);
    }
    place_close(&place);
    return same;
}

/*
 * The item has no room for an expiry: a new one with the touch takes its place, then all else is done to that. The answer is what
 * the old one said. As hit.
 */
static enum store_status hit_remade(struct store_worker *worker, uint64_t hash, struct bytes key,
                                    const struct get_options *options, struct item_view *view) {
    struct item_view before = *view;
    bool touched;
    enum store_status status = touch_update(worker, hash, key, options->touch_expires_tick);
    if (status != STORE_OK) {
        return status == STORE_MISS ? STORE_EXISTS : status;
    }
    uint32_t location = index_find(worker->store, hash, key);
    if (location == 0) {
        return STORE_EXISTS;
    }
    struct item *item = arena_item(&worker->store->arena, location);
    if (options->no_use) {
        item_set_used(item, before.used_tick << ITEM_TICK_SHIFT | (before.fetched ? ITEM_FETCHED : 0));
    }
    link_view(worker->store, location, view);
    view->expires_tick = before.expires_tick;
    view->used_tick = before.used_tick;
    view->fetched = before.fetched;
    return hit_locked(worker, hash, location, options, view, &touched) && touched ? STORE_OK : STORE_EXISTS;
}

/* STORE_OK; STORE_EXISTS: look again, another item is there; STORE_NO_MEMORY: nothing was done. */
static enum store_status hit(struct store_worker *worker, uint64_t hash, struct bytes key, uint32_t location,
                             const struct get_options *options, struct item_view *view) {
    struct item *item = arena_item(&worker->store->arena, location);
    bool touched = true;
    link_view(worker->store, location, view);
    bool is_first_shown = options->shows_number && !item_has(item, ITEM_SHOWN);
    if (unlikely(options->touch || is_first_shown || should_win(options, view)) &&
        !hit_locked(worker, hash, location, options, view, &touched)) {
        return STORE_EXISTS;
    }
    if (!options->no_use) {
        item_use(item, worker_now_tick(worker), ITEM_FETCHED);
    }
    return likely(touched) ? STORE_OK : hit_remade(worker, hash, key, options, view);
}

static void created(struct store_worker *worker, const struct get_options *options, uint32_t location,
                    struct item_view *view) {
    struct item *item = arena_item(&worker->store->arena, location);
    link_view(worker->store, location, view);
    view->won = true;
    view->won_before = false;
    if (!options->no_use) {
        item_use(item, worker_now_tick(worker), ITEM_FETCHED);
    }
}

/* What is not a hit that leaves the item as it is. `location` as found by its key; 0: a miss. */
static __attribute__((noinline)) enum store_status get_slowly(struct store_worker *worker, uint64_t hash,
                                                              struct bytes key, uint32_t location,
                                                              const struct get_options *options,
                                                              struct item_view *view) {
    for (;;) {
        enum store_status status = STORE_MISS;
        if (location != 0) {
            status = hit(worker, hash, key, location, options, view);
        } else if (options->create) {
            status = create(worker, hash, key, options, &location);
            if (status == STORE_OK) {
                created(worker, options, location, view);
            }
        }
        if (status != STORE_EXISTS) {
            return status;
        }
        location = link_find(worker, hash, key);
    }
}

/* A hit after which nothing of the item has changed but its use. */
static inline bool hit_is_plain(const struct get_options *options, uint32_t shape) {
    unsigned marks = shape_marks(shape);
    return !options->touch && !options->recache && (marks & ITEM_STALE) == 0 &&
           (!options->shows_number || (marks & ITEM_SHOWN) != 0);
}

static inline enum store_status get_hashed(struct store_worker *worker, uint64_t hash, struct bytes key,
                                           const struct get_options *options, struct item_view *view) {
    link_prefetch_end(worker);
    struct index_found found = link_find_item(worker, hash, key);
    if (unlikely(found.location == 0 || !hit_is_plain(options, found.shape))) {
        return get_slowly(worker, hash, key, found.location, options, view);
    }
    link_view(worker->store, found.location, view);
    if (!options->no_use) {
        item_use(found.item, worker_now_tick(worker), ITEM_FETCHED);
    }
    return STORE_OK;
}

/* flatten: the hash of a short key is less work than calling it. */
__attribute__((flatten)) enum store_status store_get_with(struct store_worker *worker, struct bytes key,
                                                          const struct get_options *options,
                                                          struct item_view *view) {
    return get_hashed(worker, index_hash(&worker->store->index, key), key, options, view);
}

/* --- going through all of them, a little at a time, while the index may grow and shrink: see index_walk_homes --- */

enum { WALK_ENTRIES_MAX = 64 };

struct walk {
    struct store_worker *worker;
    const struct store_cursor *cursor;
    void (*visit)(void *user, const struct item_view *view);
    void *user;
    struct bucket *home; /* locked while entries are read */
};

static void walk_item(const struct walk *walk, uint32_t location) {
    const struct store *store = walk->worker->store;
    struct item *item = arena_item(&store->arena, location);
    struct item_view view;
    if (!index_step_has(walk->cursor, index_hash(&store->index, item_key(item))) ||
        !link_item_lives(walk->worker, item, location)) {
        return;
    }
    link_view(store, location, &view);
    walk->visit(walk->user, &view);
}

/* The locations of a chain from entry `skip` on; returns how many there are. */
static unsigned walk_read(const struct walk *walk, unsigned skip, uint32_t locations[WALK_ENTRIES_MAX]) {
    const struct index *index = &walk->worker->store->index;
    unsigned count = 0;
    bucket_lock(walk->worker, walk->home);
    for (const struct bucket *bucket = walk->home; bucket != NULL && count < WALK_ENTRIES_MAX;
         bucket = index_next(index, bucket_header(bucket))) {
        for (unsigned i = 0; i < BUCKET_ENTRIES && count < WALK_ENTRIES_MAX; i++) {
            uint32_t location = entry_location(bucket, i);
            if (skip != 0) {
                skip--;
            } else if (location != 0) {
                locations[count++] = location;
            }
        }
    }
    bucket_unlock(walk->home);
    return count;
}

/* A chain is longer than WALK_ENTRIES_MAX where memory for more homes is missing; then it is read in parts. */
static void walk_home(void *user, struct bucket *home) {
    struct walk *walk = user;
    uint32_t locations[WALK_ENTRIES_MAX];
    unsigned count;
    walk->home = home;
    for (unsigned skip = 0; (count = walk_read(walk, skip, locations)) != 0; skip += WALK_ENTRIES_MAX) {
        for (unsigned i = 0; i < count; i++) {
            __builtin_prefetch(arena_item(&walk->worker->store->arena, locations[i]));
        }
        for (unsigned i = 0; i < count; i++) {
            walk_item(walk, locations[i]);
        }
        if (count < WALK_ENTRIES_MAX) {
            return;
        }
    }
}

void store_walk(struct store_worker *worker, struct store_cursor *cursor, unsigned buckets_max,
                void (*visit)(void *user, const struct item_view *view), void *user) {
    struct walk walk = {.worker = worker, .cursor = cursor, .visit = visit, .user = user};
    index_walk_homes(worker, cursor, buckets_max, walk_home, &walk);
}
