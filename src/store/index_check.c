/* SPDX-License-Identifier: MIT
 *
 * index_check: the whole-structure checker. Says on stderr what is wrong.
 *
 * Every entry leads to an item of a segment in use whose key hashes to its home and tag; no two entries share an
 * item, no key is there twice; of each closed segment the live bytes, used less dead, are those of the items that
 * the index leads to; no lock is held; only the last bucket of a chain has room; the counts are those found.
 */
#include <stdio.h>
#include <stdlib.h>

#include "index.h"
#include "segment.h"

struct check {
    struct store *store;
    uint64_t home; /* number of the one that is looked at */
    uint64_t items_count, items_size, overflow_count;
    uint64_t *live_sizes; /* of each segment */
    uint64_t *seen;       /* a bit for each location */
    bool good;
};

static void expect(struct check *check, bool condition, const char *rule) {
    if (!condition) {
        fprintf(stderr, "store: %s (home %llu)\n", rule, (unsigned long long)check->home);
        check->good = false;
    }
}

static bool see(struct check *check, uint32_t location) {
    uint64_t bit = UINT64_C(1) << location % 64;
    bool before = (check->seen[location / 64] & bit) != 0;
    check->seen[location / 64] |= bit;
    return !before;
}

static bool is_in_arena(const struct store *store, uint32_t location) {
    uint32_t index = arena_segment_of(&store->arena, location);
    return index < store->arena.segments_count && store->arena.segments[index].memory != NULL;
}

/* How often a key stands in a chain. */
static unsigned occurrences(const struct store *store, const struct bucket *home, struct bytes key) {
    unsigned count = 0;
    for (const struct bucket *bucket = home; bucket != NULL;
         bucket = index_next(&store->index, bucket_header(bucket))) {
        for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
            uint32_t location = entry_location(bucket, i);
            count += location != 0 && is_in_arena(store, location) &&
                     item_has_key(arena_item(&store->arena, location), key);
        }
    }
    return count;
}

static void check_entry(struct check *check, const struct bucket *home, const struct bucket *bucket,
                        unsigned i) {
    struct store *store = check->store;
    uint32_t location = entry_location(bucket, i);
    uint32_t segment = arena_segment_of(&store->arena, location);
    if (!is_in_arena(store, location)) {
        expect(check, false, "an entry leads out of the arena");
        return;
    }
    enum segment_state state = segment_state(&store->arena.segments[segment]);
    expect(check, state != SEGMENT_FREE && state != SEGMENT_RETIRED && state != SEGMENT_UNFINISHED,
           "an entry leads into a segment that is not in use");
    const struct item *item = arena_item(&store->arena, location);
    struct bytes key = item_key(item);
    uint64_t hash = index_hash(&store->index, key);
    expect(check, see(check, location), "two entries lead to one item");
    expect(check, atomic_load(&bucket->tags[i]) == entry_tag(hash), "an entry carries another tag");
    expect(check, index_home(&store->index, index_homes_count(&store->index), hash) == home,
           "an item is not in its home");
    expect(check, occurrences(store, home, key) == 1, "a key is there twice");
    check->items_count++;
    check->items_size += arena_item_size(&store->arena, item);
    check->live_sizes[segment] += arena_item_size(&store->arena, item);
}

static void check_chain(struct check *check, const struct bucket *home) {
    const struct index *index = &check->store->index;
    expect(check, (bucket_header(home) & (BUCKET_LOCKED | BUCKET_MOVING)) == 0, "a lock was left");
    for (const struct bucket *bucket = home; bucket != NULL;
         bucket = index_next(index, bucket_header(bucket))) {
        bool is_last = index_next(index, bucket_header(bucket)) == NULL;
        unsigned count = 0;
        check->overflow_count += bucket != home;
        for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
            if (entry_location(bucket, i) != 0) {
                check_entry(check, home, bucket, i);
                count++;
            }
        }
        expect(check, is_last || count == BUCKET_ENTRIES, "a bucket before the last has room");
        expect(check, bucket == home || count != 0, "an overflow bucket is empty");
    }
}

static void check_segments(struct check *check) {
    struct arena *arena = &check->store->arena;
    for (uint32_t i = 0; (i = arena_scan(arena, i)) != SEGMENT_NONE; i++) {
        const struct segment *segment = &arena->segments[i];
        uint32_t used = atomic_load(&segment->used), dead = atomic_load(&segment->dead);
        switch (segment_state(segment)) {
        case SEGMENT_QUEUED:
        case SEGMENT_SWEPT:
        case SEGMENT_EMPTIED:
            expect(check, used - dead == check->live_sizes[i], "the live bytes of a segment are wrong");
            break;
        case SEGMENT_FREE:
        case SEGMENT_OPEN:
        case SEGMENT_UNFINISHED:
        case SEGMENT_RETIRED:
            break;
        }
    }
}

static void check_sums(struct check *check) {
    uint64_t count = 0, size = 0;
    for (unsigned i = 0; i < epoch_members_count(&check->store->epoch); i++) {
        const struct store_worker *worker = store_member(check->store, i);
        count += counter_read(&worker->counters.items_added) - counter_read(&worker->counters.items_removed);
        size += counter_read(&worker->items_size_added) - counter_read(&worker->items_size_removed);
    }
    expect(check, check->items_count == count, "the count of items is wrong");
    expect(check, check->items_size == size, "the size of items is wrong");
    expect(check, check->overflow_count == atomic_load(&check->store->index.overflow_count),
           "the count of overflow buckets is wrong");
}

bool index_check(struct store *store) {
    uint32_t locations_count = store->arena.large_first + store->arena.segments_count;
    struct check check = {.store = store, .good = true};
    check.live_sizes = calloc(store->arena.segments_count, sizeof(*check.live_sizes));
    check.seen = calloc(locations_count / 64 + 1, sizeof(*check.seen));
    uint64_t homes_count = index_homes_count(&store->index);
    for (; check.home < homes_count; check.home++) {
        check_chain(&check, &store->index.homes[check.home]);
    }
    check_segments(&check);
    check_sums(&check);
    free(check.live_sizes);
    free(check.seen);
    return check.good;
}
