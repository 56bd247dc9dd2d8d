/* SPDX-License-Identifier: MIT
 *
 * walk: see walk.h.
 *
 * A walk that began with 2^p homes or more (and less than 2^(p + 1)) counts through the p lower bits of the hash,
 * for good. All items whose hash has the same p lower bits are looked at in one step: they are in the homes whose
 * number has these bits, or, where the index has become smaller, in one home beside others, which are passed
 * over. An item never changes its hash, so it belongs to exactly one step. During a step no home is split or
 * joined, and a home's lock is held while its entries are read; between steps nothing is held. Worker's own
 * thread.
 */
#include "walk.h"

#include "link.h"

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
    uint64_t mask = (UINT64_C(1) << walk->cursor->power) - 1;
    struct item_view view;
    if ((index_hash(&store->index, item_key(item)) & mask) != walk->cursor->position ||
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

/* Returns how many homes were looked at. */
static unsigned walk_step(struct index *index, struct store_cursor *cursor,
                          void (*look)(void *user, struct bucket *home), void *user) {
    unsigned count = 0;
    index_resize_lock(index);
    uint64_t homes_count = index_homes_count(index);
    if (cursor->power == 0) {
        *cursor = (struct store_cursor){.power = 63 - (uint32_t)__builtin_clzl(homes_count)};
    }
    uint64_t stride = UINT64_C(1) << cursor->power;
    if (cursor->position >= homes_count) {
        look(user, &index->homes[index_home_number(homes_count, cursor->position)]);
        count++;
    }
    for (uint64_t number = cursor->position; number < homes_count; number += stride, count++) {
        look(user, &index->homes[number]);
    }
    index_resize_unlock(index);
    cursor->position++;
    cursor->done = cursor->position == stride;
    return count;
}

void walk_homes(struct store_worker *worker, struct store_cursor *cursor, unsigned homes_max,
                void (*look)(void *user, struct bucket *home), void *user) {
    for (unsigned homes_count = 0; homes_count < homes_max && !cursor->done;) {
        homes_count += walk_step(&worker->store->index, cursor, look, user);
    }
}

void store_walk(struct store_worker *worker, struct store_cursor *cursor, unsigned buckets_max,
                void (*visit)(void *user, const struct item_view *view), void *user) {
    struct walk walk = {.worker = worker, .cursor = cursor, .visit = visit, .user = user};
    walk_homes(worker, cursor, buckets_max, walk_home, &walk);
}
