/* SPDX-License-Identifier: MIT
 *
 * put: makes items and publishes them: set, add, replace, compare-and-store. See put.h.
 *
 * The item is complete before anything is locked; under the lock the old item is looked at, the decision made
 * and one entry written.
 */
#include "put.h"

#include "expire.h"
#include "flush_table.h"
#include "index_grow.h"
#include "link.h"
#include "reclaim.h"
#include "segment.h"

enum {
    PUT_NUMBERS_BLOCK = 4096,
};

/* An item that is about to be stored, and what storing asks about it: whoever has just made it need not look. */
struct fresh_item {
    struct item *item;
    uint32_t location;
    uint32_t expires_tick;
    size_t size;   /* see arena_item_size */
    uint64_t cas;  /* the number that clients will know it by */
    bool is_large; /* it has a window to itself */
    bool kept;     /* it has ITEM_KEPT */
};

size_t store_item_charge(size_t key_size, size_t value_size, bool has_flags) {
    const struct item_form form = {
        .key = bytes_of(NULL, key_size), .value_size = value_size, .client_flags = has_flags};
    return (item_form_size(&form) + ARENA_STEP_MIN - 1) & ~(size_t)(ARENA_STEP_MIN - 1);
}

bool put_fits(const struct store_worker *worker, size_t key_size, size_t value_size, bool has_flags) {
    size_t item_size_max = worker->store->item_size_max;
    const struct item_form form = {
        .key = bytes_of(NULL, key_size), .value_size = value_size, .client_flags = has_flags};
    /* The value alone first: the sum must not wrap. */
    return value_size <= item_size_max && item_form_size(&form) <= item_size_max;
}

/* --- making --- */

/* Where a key that is stored anew goes. */
static inline enum segment_queue put_queue(struct store_worker *worker, uint64_t hash, size_t size) {
    struct ghost *ghost = &worker->store->ghost;
    if (likely(!ghost_is_active(ghost))) {
        return QUEUE_SMALL;
    }
    switch (ghost_take(ghost, hash, size)) {
    case GHOST_LEFT_SMALL:
        return QUEUE_MAIN;
    case GHOST_LEFT_MAIN:
    case GHOST_NONE:
        return QUEUE_SMALL;
    }
    return QUEUE_SMALL;
}

static void *put_place_large(struct store_worker *worker, enum segment_queue queue, size_t size) {
    struct arena *arena = &worker->store->arena;
    uint32_t index = arena_take_window(arena, size);
    if (index == SEGMENT_NONE) {
        return NULL;
    }
    segment_set_queue(&arena->segments[index], queue);
    unpoison(arena->segments[index].memory, size);
    return arena->segments[index].memory;
}

static inline void *put_place(struct store_worker *worker, enum segment_queue queue, unsigned class,
                              size_t size, bool is_large) {
    return unlikely(is_large) ? put_place_large(worker, queue, size)
                              : segment_append(worker, queue, class, size, false);
}

/* There is no room yet; NULL where there will be none. */
static __attribute__((cold, noinline)) void *put_place_wait(struct store_worker *worker,
                                                            enum segment_queue queue, unsigned class,
                                                            size_t size, bool is_large) {
    struct reclaim_wait wait = {0};
    void *block;
    do {
        if (!reclaim_make_room(worker, size, &wait)) {
            reclaim_refuse(worker);
            return NULL;
        }
        block = put_place(worker, queue, class, size, is_large);
    } while (block == NULL);
    return block;
}

/* Fills item, size and is_large of *fresh; false where there is no memory. */
static inline_always bool put_make_fresh(struct store_worker *worker, const struct item_form *form,
                                         uint64_t hash, struct fresh_item *fresh) {
    size_t size = item_form_size(form);
    enum segment_queue queue = put_queue(worker, hash, size);
    unsigned class = segment_class(worker, form->expires_tick);
    if (unlikely(worker->fresh != NULL)) {
        segment_keep_fresh(worker);
    }
    bool is_large = arena_is_large(&worker->store->arena, size);
    fresh->size = arena_round(&worker->store->arena, size);
    void *block = put_place(worker, queue, class, size, is_large);
    if (unlikely(block == NULL) && (block = put_place_wait(worker, queue, class, size, is_large)) == NULL) {
        return false;
    }
    fresh->item = item_init(block, form);
    fresh->is_large = is_large;
    if (likely(!is_large)) {
        worker->fresh = fresh->item;
        worker->fresh_hash = hash;
    }
    return true;
}

struct item *put_make(struct store_worker *worker, const struct item_form *form, uint64_t hash) {
    struct fresh_item fresh;
    return put_make_fresh(worker, form, hash, &fresh) ? fresh.item : NULL;
}

struct item *put_make_in(struct store_worker *worker, const struct item_form *form,
                         enum segment_queue queue) {
    size_t size = item_form_size(form);
    void *block = put_place(worker, queue, segment_class(worker, form->expires_tick), size,
                            arena_is_large(&worker->store->arena, size));
    return block == NULL ? NULL : item_init(block, form);
}

/* --- items in the hands of callers, not stored yet --- */

bool store_item_fits(struct store_worker *worker, size_t key_size, size_t value_size, bool has_flags) {
    bool fits = put_fits(worker, key_size, value_size, has_flags);
    counter_add(&worker->counters.too_large, !fits);
    return fits;
}

enum store_status store_item_create(struct store_worker *worker, struct bytes key, bool key_is_binary,
                                    uint32_t client_flags, uint32_t expires_tick, size_t value_size,
                                    struct item **item) {
    const struct item_form form = {.key = key,
                                   .value_size = value_size,
                                   .client_flags = client_flags,
                                   .expires_tick = expires_tick,
                                   .key_is_binary = key_is_binary};
    if (unlikely(!store_item_fits(worker, key.size, value_size, client_flags != 0))) {
        return STORE_TOO_LARGE;
    }
    *item = put_make(worker, &form, index_hash(&worker->store->index, key));
    return *item == NULL ? STORE_NO_MEMORY : STORE_OK;
}

char *store_item_value(struct item *item) {
    return item_value(item);
}

void store_item_discard(struct store_worker *worker, struct item *item) {
    put_drop(worker, item);
}

/* --- giving back --- */

static struct segment *segment_of(const struct store_worker *worker, const struct item *item) {
    struct arena *arena = &worker->store->arena;
    return &arena->segments[arena_segment_of(arena, arena_location_of(arena, item))];
}

/* An item is no longer unfinished: what held its segment for it goes. */
static void put_settle(struct store_worker *worker, struct item *item, bool kept) {
    if (likely(worker->fresh == item)) {
        worker->fresh = NULL;
    } else if (kept) {
        segment_unpin(segment_of(worker, item));
    }
}

void put_drop(struct store_worker *worker, struct item *item) {
    struct arena *arena = &worker->store->arena;
    bool kept = item_has(item, ITEM_KEPT);
    uint32_t location = arena_location_of(arena, item);
    size_t size = arena_item_size(arena, item);
    if (unlikely(location >= arena->large_first)) {
        uint32_t index = arena_segment_of(arena, location);
        put_settle(worker, item, kept);
        segment_kill(worker, location, size);
        segment_enqueue(worker, index, QUEUE_SMALL, (uint32_t)size);
        return;
    }
    segment_drop(worker, item);
    put_settle(worker, item, kept);
}

/* --- numbers --- */

uint64_t put_draw_number(struct store_worker *worker) {
    if (worker->numbers_next == worker->numbers_end || worker->numbers_next <= worker->number_above) {
        worker->numbers_next = arena_draw_numbers(&worker->store->arena, PUT_NUMBERS_BLOCK);
        worker->numbers_end = worker->numbers_next + PUT_NUMBERS_BLOCK;
    }
    return worker->numbers_next++;
}

/* --- places --- */

void put_set_expires(struct store_worker *worker, struct place *place, uint32_t expires_tick) {
    struct arena *arena = &worker->store->arena;
    item_set_expires(place->item, expires_tick);
    expire_note(worker, &arena->segments[arena_segment_of(arena, place->location)], expires_tick);
}

bool put_supply(struct store_worker *worker) {
    for (struct reclaim_wait wait = {0}; unlikely(!index_supply(worker, 1));) {
        if (!reclaim_make_room(worker, 0, &wait)) {
            reclaim_refuse(worker);
            return false;
        }
    }
    return true;
}

/* *remade becomes the same item with room for an expiry and the given number. False, and nothing has changed: no memory. */
static bool put_remake(struct store_worker *worker, struct item **remade, uint64_t cas, bool is_drawn,
                       uint64_t hash) {
    struct item *item = *remade;
    struct item_form form = item_form_of(item);
    char key[STORE_KEY_SIZE_MAX];
    form.has_expiry = true;
    form.cas = cas;
    form.cas_is_drawn = is_drawn;
    /* Making may pass quiescent states; the item is not in the index, its segment is kept. */
    memcpy(key, form.key.data, form.key.size);
    form.key.data = key;
    struct item *made = put_make(worker, &form, hash);
    if (made == NULL) {
        return false;
    }
    memcpy(item_value(made), item_value(item), form.value_size);
    item_set_mark(made, ITEM_STALE, item_has(item, ITEM_STALE));
    item_set_mark(made, ITEM_WON, item_has(item, ITEM_WON));
    put_drop(worker, item);
    *remade = made;
    return true;
}

/* *item has a number of its own from now on, above that of the item it could not replace. False, and nothing has changed: no memory. */
static bool put_renumber(struct store_worker *worker, struct item **item, uint64_t hash) {
    uint64_t number = put_draw_number(worker);
    if (item_own_cas(*item) != 0) {
        item_set_own_cas(*item, number);
        return true;
    }
    return put_remake(worker, item, number, true, hash);
}

/* --- publishing --- */

/* An overwritten item hands its use on; what lived in main comes back there at the first look. */
static inline_always uint32_t put_used(const struct store_worker *worker, const struct place *place) {
    uint32_t used = worker_now_tick(worker) << ITEM_TICK_SHIFT;
    if (place->item != NULL) {
        const struct arena *arena = &worker->store->arena;
        const struct segment *segment = &arena->segments[arena_segment_of(arena, place->location)];
        unsigned frequency = used_frequency(item_used(place->item));
        used |= frequency == 0 && segment_queue(segment) == QUEUE_MAIN ? 1 : frequency;
    }
    return used;
}

/* What follows the exchange of the entry, without the lock. */
static inline_always void put_published(struct store_worker *worker, const struct fresh_item *fresh) {
    struct arena *arena = &worker->store->arena;
    link_count_added(worker, fresh->size);
    put_settle(worker, fresh->item, fresh->kept);
    if (unlikely(fresh->is_large)) {
        uint32_t index = arena_segment_of(arena, fresh->location);
        enum segment_queue queue = segment_queue(&arena->segments[index]);
        segment_enqueue(worker, index, queue, (uint32_t)fresh->size);
    }
}

/* Whether clients would see the numbers of this key go down. */
static inline_always bool put_number_is_low(struct store_worker *worker, const struct place *place,
                                            uint64_t cas) {
    const struct store *store = worker->store;
    /* relaxed: as link_floor_raise. */
    uint64_t above = place->item != NULL
                         ? store_item_cas(store, place->item, place->location)
                         : atomic_load_explicit(link_floor(store, place->hash), memory_order_relaxed);
    worker->number_above = above;
    return unlikely(cas <= above) && arena_has_drawn(&store->arena, above);
}

static inline_always bool put_publish_fresh(struct store_worker *worker, struct place *place,
                                            const struct fresh_item *fresh, bool has_given_number,
                                            struct put_result *result) {
    struct item *item = fresh->item;
    uint32_t old_location = place->location;
    if ((!has_given_number && unlikely(put_number_is_low(worker, place, fresh->cas))) ||
        unlikely(flush_table_would_take(worker, item, fresh->location))) {
        place_close(place);
        return false;
    }
    if (unlikely(fresh->kept)) {
        item_set_mark(item, ITEM_KEPT, false);
    }
    item_set_used(item, put_used(worker, place) | (item_used(item) & ITEM_FETCHED));
    if (unlikely(fresh->expires_tick != STORE_EXPIRES_NEVER || fresh->is_large)) {
        expire_note(worker, segment_of(worker, item), fresh->expires_tick);
    }
    if (result != NULL) {
        item_set_mark(item, ITEM_SHOWN, true);
        *result = (struct put_result){.cas = fresh->cas, .value_size = item_value_size(item)};
    }
    size_t old_size = place->item != NULL ? arena_item_size(&worker->store->arena, place->item) : 0;
    place_set(worker, place, fresh->location);
    place_close(place);
    put_published(worker, fresh);
    if (old_location != 0) {
        link_count_removed(worker, old_size);
        segment_kill(worker, old_location, old_size);
    } else {
        index_count(worker, 1);
    }
    return true;
}

bool put_publish(struct store_worker *worker, struct place *place, struct item *item, bool has_given_number,
                 struct put_result *result) {
    const struct arena *arena = &worker->store->arena;
    uint32_t location = arena_location_of(arena, item);
    const struct fresh_item fresh = {
        .item = item,
        .location = location,
        .expires_tick = item_expires(item),
        .size = arena_item_size(arena, item),
        .cas = store_item_cas(worker->store, item, location),
        .is_large = location >= arena->large_first,
        .kept = item_has(item, ITEM_KEPT),
    };
    return put_publish_fresh(worker, place, &fresh, has_given_number, result);
}

/* --- set, add, replace, compare --- */

/* Compare and store: an older CAS is good enough for a value that is stored as stale. */
static enum store_status put_compare(const struct store_worker *worker, const struct place *place,
                                     struct item *item, const struct put_options *options) {
    if (place->item == NULL) {
        return STORE_MISS;
    }
    uint64_t cas = store_item_cas(worker->store, place->item, place->location);
    if (options->cas_expected == cas) {
        return STORE_OK;
    }
    if (!options->invalidate || options->cas_expected == 0 || options->cas_expected > cas) {
        return STORE_EXISTS;
    }
    item_set_mark(item, ITEM_STALE, true);
    item_set_mark(item, ITEM_WON, item_has(place->item, ITEM_WON));
    item_set_expires(item, item_expires(place->item));
    return STORE_OK;
}

/* Whether `item` may take the place of the one that is there. */
static enum store_status put_decide(const struct store_worker *worker, const struct place *place,
                                    struct item *item, const struct put_options *options) {
    switch (options->mode) {
    case PUT_ADD:
        if (place->item == NULL) {
            return STORE_OK;
        }
        item_use(place->item, worker_now_tick(worker), 0);
        return STORE_NOT_STORED;
    case PUT_REPLACE:
        if (options->compare) {
            return put_compare(worker, place, item, options);
        }
        return place->item != NULL ? STORE_OK : STORE_NOT_STORED;
    case PUT_SET:
        return options->compare ? put_compare(worker, place, item, options) : STORE_OK;
    case PUT_APPEND:
    case PUT_PREPEND:
        break;
    }
    assert(false && "joined in update.c");
    return STORE_NOT_STORED;
}

/* As store_put. */
static enum store_status put_store(struct store_worker *worker, struct item **item, uint64_t hash,
                                   const struct put_options *options, struct put_result *result) {
    bool given = options->cas_new != 0;
    for (;;) {
        struct place place;
        if (unlikely(!put_supply(worker))) {
            return STORE_NO_MEMORY;
        }
        link_open(worker, hash, item_key(*item), &place);
        enum store_status status = put_decide(worker, &place, *item, options);
        if (unlikely(status != STORE_OK)) {
            place_close(&place);
            put_drop(worker, *item);
            *item = NULL;
            return status;
        }
        if (likely(put_publish(worker, &place, *item, given, result))) {
            *item = NULL;
            return STORE_OK;
        }
        if (given) {
            segment_close_all(worker);
        }
        if (!(given ? put_remake(worker, item, options->cas_new, false, hash)
                    : put_renumber(worker, item, hash))) {
            return STORE_NO_MEMORY;
        }
    }
}

enum store_status put_item(struct store_worker *worker, struct item **item, const struct put_options *options,
                           struct put_result *result) {
    uint64_t hash = likely(worker->fresh == *item) ? worker->fresh_hash
                                                   : index_hash(&worker->store->index, item_key(*item));
    if (result != NULL) {
        *result = (struct put_result){0};
    }
    if (unlikely(options->cas_new != 0 || options->invalidate) &&
        !put_remake(worker, item, options->cas_new, false, hash)) {
        return STORE_NO_MEMORY;
    }
    enum store_status status = put_store(worker, item, hash, options, result);
    index_help_resize(worker);
    return status;
}

/* --- a plain set, the commonest of all --- */

/* The item is made; stores it. */
static inline_always enum store_status put_publish_set(struct store_worker *worker,
                                                       const struct fresh_item *fresh, uint64_t hash,
                                                       struct bytes key) {
    static const struct put_options plain = {.mode = PUT_SET};
    struct item *item = fresh->item;
    struct place place;
    if (likely(index_supply(worker, 1))) {
        link_open_place(worker, hash, key, &place);
        if (likely(put_publish_fresh(worker, &place, fresh, false, NULL))) {
            return STORE_OK;
        }
        if (!put_renumber(worker, &item, hash)) {
            put_drop(worker, item);
            return STORE_NO_MEMORY;
        }
    }
    enum store_status status = put_store(worker, &item, hash, &plain, NULL);
    if (unlikely(status == STORE_NO_MEMORY)) {
        put_drop(worker, item);
    }
    return status;
}

enum store_status store_set(struct store_worker *worker, const struct store_record *set) {
    const struct item_form form = {.key = set->key,
                                   .value_size = set->value.size,
                                   .client_flags = set->client_flags,
                                   .expires_tick = set->expires_tick};
    struct fresh_item fresh = {.expires_tick = set->expires_tick, .kept = false};
    if (unlikely(item_form_size(&form) > worker->store->item_size_max) &&
        !put_fits(worker, set->key.size, set->value.size, set->client_flags != 0)) {
        counter_add(&worker->counters.too_large, 1);
        return STORE_TOO_LARGE;
    }
    if (unlikely(!put_make_fresh(worker, &form, set->hash, &fresh))) {
        return STORE_NO_MEMORY;
    }
    fresh.location = arena_location_of(&worker->store->arena, fresh.item);
    fresh.cas = arena_place_number(&worker->store->arena, fresh.location);
    bytes_copy(item_form_value(fresh.item, &form), set->value);
    enum store_status status = put_publish_set(worker, &fresh, set->hash, set->key);
    index_help_resize(worker);
    return status;
}
