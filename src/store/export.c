/* SPDX-License-Identifier: MIT
 *
 * export: walks over the segments of a store that nobody else uses, and writes what lives in them. See riposte/store_stream.h.
 *
 *      main, youngest segment ... oldest --> small, youngest segment ... oldest --> the end
 *
 * By segments and not by the index, because their order says which items are worth most. Whether an item lives the index says: it is
 * asked for some at a time, so that its misses overlap.
 */
#include <stdlib.h>

#include "flush.h"
#include "link.h"
#include "portable.h"
#include "riposte/clock.h"
#include "riposte/store_stream.h"

enum { EXPORT_BATCH = 16 /* items whose homes are asked for together */ };

struct store_export {
    struct store_worker *worker; /* joined */
    enum segment_queue queue;
    uint32_t index;    /* of the segment; SEGMENT_NONE: the next queue, or the end */
    uint32_t position; /* of the next item in it, bytes */
    bool has_begun;    /* STORE is written */
    uint64_t left_count;
};

/* An item that the index may lead to. */
struct export_item {
    struct item *item;
    uint32_t location;
    uint32_t position; /* in its segment, bytes */
    uint64_t hash;
};

struct store_export *store_export_begin(struct store *store, uint64_t now_ns) {
    struct store_export *source = malloc(sizeof(*source));
    struct store_worker *worker = source == NULL ? NULL : store_worker_join(store, now_ns);
    if (worker == NULL) {
        free(source);
        return NULL;
    }
    struct store_levels levels;
    store_stats(store, &levels);
    *source = (struct store_export){
        .worker = worker,
        .queue = QUEUE_MAIN,
        .index = store->arena.queues[QUEUE_MAIN].last,
        .left_count = levels.items_count,
    };
    return source;
}

/* --- the store -------------------------------------------------------------------------------------------- */

static struct portable_store export_describe_store(const struct store_worker *worker) {
    const struct store *store = worker->store;
    uint32_t begin_tick = STORE_TICK_FIRST + store_advance_s(store);
    struct store_levels levels;
    store_stats((struct store *)(uintptr_t)store, &levels);
    return (struct portable_store){
        .begin_ns = store->clock_start_ns,
        .begin_tick = begin_tick,
        .begin_unix_s = store_tick_unix_s(worker, begin_tick),
        .now_tick = worker_now_tick(worker),
        .sequence = arena_level(&store->arena.sequence),
        .flush_at_tick = flush_at_tick(store),
        .items_count = levels.items_count,
    };
}

static void export_store(struct store_export *source, struct record_writer *piece) {
    struct portable_store said = export_describe_store(source->worker);
    struct bytes note = source->worker->store->note;
    char *room = record_reserve(piece, portable_store_size(note));
    if (room != NULL) {
        portable_write_store(room, &said, note);
    }
    source->has_begun = true;
}

/* --- items ------------------------------------------------------------------------------------------------ */

static uint32_t export_marks(const struct item *item, enum segment_queue queue) {
    unsigned marks = item_marks(item);
    return ((marks & ITEM_KEY_BINARY) != 0 ? PORTABLE_KEY_BINARY : 0u) |
           ((marks & ITEM_STALE) != 0 ? PORTABLE_STALE : 0u) | ((marks & ITEM_WON) != 0 ? PORTABLE_WON : 0u) |
           ((marks & ITEM_SHOWN) != 0 ? PORTABLE_CAS_SHOWN : 0u) |
           ((item_used(item) & ITEM_FETCHED) != 0 ? PORTABLE_FETCHED : 0u) |
           (item_number_is_drawn(item) ? 0u : PORTABLE_CAS_GIVEN) |
           (queue == QUEUE_MAIN ? PORTABLE_USED : 0u);
}

static struct portable_item export_describe_item(const struct store *store, const struct export_item *each,
                                                 enum segment_queue queue) {
    struct item *item = each->item;
    uint32_t used = item_used(item);
    return (struct portable_item){
        .fields = {.cas = store_item_cas(store, item, each->location),
                   .expires_tick = item_expires(item),
                   .used_tick = used >> ITEM_TICK_SHIFT,
                   .client_flags = item_client_flags(item),
                   .marks = export_marks(item, queue),
                   .uses = used_frequency(used)},
        .key = item_key(item),
        .value = bytes_of(item_value(item), item_value_size(item)),
    };
}

/* False: it is for the next piece. One that is larger than any has a piece to itself. */
static bool export_write(const struct store_export *source, const struct export_item *each, size_t size_max,
                         struct record_writer *piece) {
    struct portable_item said = export_describe_item(source->worker->store, each, source->queue);
    size_t size = portable_item_size(&said);
    if (piece->size + size > size_max && piece->size > PORTABLE_PIECE_HEAD_SIZE) {
        return false;
    }
    char *room = record_reserve(piece, size);
    if (room != NULL) {
        portable_write_item(room, &said);
    }
    return true;
}

static unsigned export_collect(struct store_export *source, const struct segment *segment,
                               struct export_item *batch) {
    const struct store *store = source->worker->store;
    const struct arena *arena = &store->arena;
    uint64_t homes_count = index_homes_count(&store->index);
    char *begin = segment->memory + (segment->is_large ? 0 : (size_t)1 << arena->step_shift);
    uint32_t used = segment_used(segment);
    unsigned count = 0;
    for (; count < EXPORT_BATCH && source->position < used; count++) {
        struct item *item = (struct item *)(void *)(begin + source->position);
        batch[count] = (struct export_item){.item = item,
                                            .location = arena_location_of(arena, item),
                                            .position = source->position,
                                            .hash = index_hash(&store->index, item_key(item))};
        __builtin_prefetch(index_home(&store->index, homes_count, batch[count].hash));
        source->position += (uint32_t)arena_item_size(arena, item);
    }
    return count;
}

static void export_next_segment(struct store_export *source) {
    const struct arena *arena = &source->worker->store->arena;
    source->index = arena->segments[source->index].previous;
    source->position = 0;
}

/* Some items of the present segment. False: the piece is full. */
static bool export_batch(struct store_export *source, size_t size_max, struct record_writer *piece) {
    const struct store *store = source->worker->store;
    struct export_item batch[EXPORT_BATCH];
    unsigned count = export_collect(source, &store->arena.segments[source->index], batch);
    for (unsigned i = 0; i < count; i++) {
        if (!index_has(&store->index, batch[i].hash, batch[i].location)) {
            continue;
        }
        if (link_item_lives(source->worker, batch[i].item, batch[i].location) &&
            !export_write(source, &batch[i], size_max, piece)) {
            source->position = batch[i].position;
            return false;
        }
        source->left_count -= source->left_count > 0;
    }
    if (count == 0) {
        export_next_segment(source);
    }
    return true;
}

bool store_export_next(struct store_export *source, size_t size_max, struct record_writer *piece) {
    const struct arena *arena = &source->worker->store->arena;
    piece->size = 0;
    if (record_reserve(piece, PORTABLE_PIECE_HEAD_SIZE) == NULL) {
        return false;
    }
    if (!source->has_begun) {
        export_store(source, piece);
    }
    for (bool goes_on = true; goes_on && !piece->broken;) {
        if (source->index != SEGMENT_NONE) {
            goes_on = export_batch(source, size_max, piece);
        } else if (source->queue == QUEUE_MAIN) {
            source->queue = QUEUE_SMALL;
            source->index = arena->queues[QUEUE_SMALL].last;
        } else {
            goes_on = false;
        }
    }
    if (piece->size == PORTABLE_PIECE_HEAD_SIZE) {
        piece->size = 0;
    } else if (!piece->broken) {
        portable_seal(piece->data, piece->size);
    }
    return !piece->broken;
}

uint64_t store_export_left(const struct store_export *source) {
    return source->left_count;
}

void store_export_end(struct store_export *source) {
    store_worker_leave(source->worker);
    free(source);
}
