/* SPDX-License-Identifier: MIT
 *
 * import: checks pieces, and stores what they say in a store that is new. See riposte/store_stream.h.
 *
 * The most valuable come first, so the first segments that are filled are those that should be emptied last: in the end the order of the
 * queues is turned round.
 */
#include <stdlib.h>

#include "flush.h"
#include "index_grow.h"
#include "link.h"
#include "portable.h"
#include "put.h"
#include "riposte/clock.h"
#include "riposte/store_stream.h"

/* Higher numbers would leave too few for what is to come: nobody has counted so far in one life. */
#define IMPORT_SEQUENCE_MAX (UINT64_MAX / 4)

struct store_import {
    struct store *store;
    struct store_worker *worker; /* NULL: STORE has not come */
    size_t memory_size_max;
    uint64_t now_ns;
    bool is_full;
    uint32_t flush_at_tick; /* of the store in the end, so that it meets all items */
    struct store_imported imported;
};

struct store_import *store_import_begin(struct store *store, size_t memory_size_max, uint64_t now_ns) {
    struct store_import *target = malloc(sizeof(*target));
    if (target != NULL) {
        *target = (struct store_import){.store = store, .memory_size_max = memory_size_max, .now_ns = now_ns};
    }
    return target;
}

/* --- the store -------------------------------------------------------------------------------------------- */

/* What later arithmetic relies on. */
static bool import_is_sound(const struct portable_store *said) {
    return said->sequence <= IMPORT_SEQUENCE_MAX && said->begin_tick >= STORE_TICK_FIRST &&
           said->begin_tick <= said->now_tick && said->now_tick <= UINT32_MAX / 2 &&
           (int64_t)said->begin_unix_s >= -(int64_t)UINT32_MAX;
}

/* The clock goes on, before there is a worker: the same second begins at the same moment. One that begins in the future is another namespace's (time_namespaces(7)). */
static void import_clock(struct store *store, const struct portable_store *said, uint64_t now_ns) {
    bool is_ours = said->begin_ns <= now_ns;
    uint64_t tick = is_ours ? said->begin_tick : said->now_tick;
    uint64_t unix_s = said->begin_unix_s + (tick - said->begin_tick);
    uint64_t first_s = tick - STORE_TICK_FIRST;
    store->clock_started = true;
    store->clock_start_ns = is_ours ? said->begin_ns : now_ns;
    atomic_init(&store->clock_start_unix_s, unix_s - first_s);
    atomic_init(&store->clock_advance_s, (uint32_t)first_s);
}

/* False: it says what cannot be, or says it twice. */
static bool import_store(struct store_import *target, const struct portable_frame *frame) {
    struct store *store = target->store;
    struct portable_store said;
    struct bytes note;
    if (target->worker != NULL || !portable_read_store(frame, &said, &note) || !import_is_sound(&said)) {
        return false;
    }
    import_clock(store, &said, target->now_ns);
    /* Numbers of places are above all that clients have seen. */
    atomic_init(&store->arena.sequence, said.sequence);
    target->flush_at_tick = said.flush_at_tick <= UINT32_MAX ? (uint32_t)said.flush_at_tick : 0;
    target->worker = store_note_set(store, note) == 0 ? store_worker_join(store, target->now_ns) : NULL;
    target->is_full = target->worker == NULL;
    return true;
}

/* --- items ------------------------------------------------------------------------------------------------ */

static struct item_form import_form(const struct store *store, const struct portable_item *said) {
    const struct portable_item_fields *fields = &said->fields;
    struct item_form form = {
        .key = said->key,
        .value_size = said->value.size,
        .client_flags = fields->client_flags,
        .expires_tick =
            fields->expires_tick < UINT32_MAX ? (uint32_t)fields->expires_tick : STORE_EXPIRES_NEVER,
        .key_is_binary = (fields->marks & PORTABLE_KEY_BINARY) != 0,
    };
    if ((fields->marks & (PORTABLE_CAS_SHOWN | PORTABLE_CAS_GIVEN)) != 0) {
        form.cas = fields->cas;
        form.cas_is_drawn =
            (fields->marks & PORTABLE_CAS_GIVEN) == 0 && arena_has_drawn(&store->arena, fields->cas);
    }
    return form;
}

static uint32_t import_used(const struct portable_item_fields *fields) {
    enum { TICK_MAX = UINT32_MAX >> ITEM_TICK_SHIFT };
    uint32_t tick = fields->used_tick < TICK_MAX ? (uint32_t)fields->used_tick : TICK_MAX;
    uint32_t uses = fields->uses < ITEM_FREQUENCY_MAX ? fields->uses : ITEM_FREQUENCY_MAX;
    return tick << ITEM_TICK_SHIFT | uses | ((fields->marks & PORTABLE_FETCHED) != 0 ? ITEM_FETCHED : 0u);
}

/* Whether it can be stored with nothing evicted for it, now or in the next turn. */
static bool import_has_room(const struct store_import *target, size_t size) {
    const struct arena *arena = &target->store->arena;
    size_t opened = arena_is_large(arena, size) ? size : arena_segment_size(arena);
    return arena_headroom(arena) >= (int64_t)(opened + arena_reserve(arena)) &&
           arena_level(&arena->used) + opened <= target->memory_size_max;
}

/* The item in the log, complete but for its use; NULL: no room. */
static struct item *import_make(struct store_import *target, const struct portable_item *said,
                                const struct item_form *form) {
    uint32_t marks = said->fields.marks;
    enum segment_queue queue = (marks & PORTABLE_USED) != 0 ? QUEUE_MAIN : QUEUE_SMALL;
    struct item *item = import_has_room(target, item_form_size(form)) && index_supply(target->worker, 1)
                            ? put_make_in(target->worker, form, queue)
                            : NULL;
    if (item != NULL) {
        bytes_copy(item_value(item), said->value);
        item_set_mark(item, ITEM_STALE, (marks & PORTABLE_STALE) != 0);
        item_set_mark(item, ITEM_WON, (marks & PORTABLE_WON) != 0);
        item_set_mark(item, ITEM_SHOWN, (marks & PORTABLE_CAS_SHOWN) != 0);
    }
    return item;
}

static void import_item(struct store_import *target, const struct portable_item *said) {
    struct store_worker *worker = target->worker;
    struct store_imported *imported = &target->imported;
    const struct item_form form = import_form(target->store, said);
    struct place place;
    if (worker == NULL) { /* there was no memory for one */
        imported->left_count++;
        return;
    }
    if (!put_fits(worker, said->key.size, said->value.size, form.client_flags != 0)) {
        imported->too_large_count++;
        return;
    }
    struct item *item = target->is_full ? NULL : import_make(target, said, &form);
    if (item == NULL) {
        target->is_full = true;
        imported->left_count++;
        return;
    }
    link_open(worker, index_hash(&target->store->index, said->key), said->key, &place);
    bool stored = put_publish(worker, &place, item, true, NULL);
    assert(stored); /* nothing was ever flushed here, and its number is given */
    (void)stored;
    item_set_used(item, import_used(&said->fields));
    index_help_resize(worker);
    imported->items_count++;
}

/* False: bad. */
static bool import_frame(struct store_import *target, const struct portable_frame *frame) {
    struct portable_item item;
    if (frame->kind == PORTABLE_STORE) {
        return import_store(target, frame);
    }
    if (frame->kind != PORTABLE_ITEM) {
        return true;
    }
    if (!portable_read_item(frame, &item)) {
        return false;
    }
    if (target->worker == NULL && !target->is_full) {
        return false; /* before STORE */
    }
    import_item(target, &item);
    return true;
}

enum store_import_outcome store_import_take(struct store_import *target, struct bytes piece) {
    struct portable_frame frame;
    struct bytes frames;
    size_t size;
    if (!portable_open(piece, &frames)) {
        return STORE_IMPORT_BAD;
    }
    while (frames.size > 0) {
        if (portable_read(frames, &frame, &size) != PORTABLE_OK || !import_frame(target, &frame)) {
            return STORE_IMPORT_BAD;
        }
        frames = bytes_of(frames.data + size, frames.size - size);
    }
    return target->is_full ? STORE_IMPORT_FULL : STORE_IMPORT_TAKEN;
}

void store_import_end(struct store_import *target, struct store_imported *imported) {
    *imported = target->imported;
    imported->is_full = target->is_full;
    if (target->worker != NULL) {
        store_worker_leave(target->worker);
        flush_set_at_tick(target->store, target->flush_at_tick);
        segment_reverse_queue(&target->store->arena, QUEUE_SMALL);
        segment_reverse_queue(&target->store->arena, QUEUE_MAIN);
    }
    free(target);
}
