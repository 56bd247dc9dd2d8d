/* SPDX-License-Identifier: MIT
 *
 * store: creating and destroying a store, joining and leaving it, and what a worker does for it between two turns.
 *
 *      store_create --> store_worker_join ... store_worker_leave --> store_destroy
 *                          any number of times, up to workers_max at a time
 *
 * A worker's structure stays when it leaves, for its counters and for scans that are reading it, and serves the
 * next that joins. README.md tells where every byte is, and the life of an item.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "arena_ready.h"
#include "evict.h"
#include "expire.h"
#include "flush.h"
#include "index_grow.h"
#include "link.h"
#include "put.h"
#include "reclaim.h"
#include "segment.h"
#include "sweep.h"
#include "riposte/clock.h"

enum {
    STORE_POWER_DEFAULT = 10,
    STORE_WORKERS_MAX = 1024,
    STORE_ITEM_SIZE_MIN = 1024, /* bytes, smallest item_size_max */
    STORE_INDEX_SHARE = 2,      /* the first index takes at most one part in so many of the limit */
    STORE_LIMIT_STEP_SHARE =
        8, /* where the system refuses addresses, the limit sinks by one part in so many */
    STORE_RETIRED_WAIT_MS_MIN = 1,
    STORE_RETIRED_WAIT_MS_MAX = 1000,
    STORE_BUSY_MS = 1,
    STORE_ADDRESSES_LEFT = 64 * 1024 * 1024,   /* bytes of addresses that the store leaves to others, */
    STORE_ADDRESSES_WORKER = 20 * 1024 * 1024, /* and for each worker */
    STORE_FLOORS_MIN = 64,
    STORE_FLOORS_SHARE = 1024,
};

static unsigned first_power(const struct store_config *config) {
    return config->index_power_min != 0 ? config->index_power_min : STORE_POWER_DEFAULT;
}

bool store_config_is_valid(const struct store_config *config) {
    unsigned power = first_power(config);
    return config->memory_size_max >= STORE_MEMORY_SIZE_MIN && config->item_size_max >= STORE_ITEM_SIZE_MIN &&
           config->item_size_max <= STORE_ITEM_SIZE_MAX &&
           config->item_size_max <= config->memory_size_max / 2 && config->workers_max >= 1 &&
           config->workers_max <= STORE_WORKERS_MAX && power >= INDEX_POWER_MIN && power <= INDEX_POWER_MAX &&
           (size_t)BUCKET_SIZE << power <= config->memory_size_max / STORE_INDEX_SHARE;
}

static size_t struct_size(unsigned workers_max) {
    size_t size = sizeof(struct store) + workers_max * sizeof(struct epoch_member *);
    return (size + BUCKET_SIZE - 1) / BUCKET_SIZE * BUCKET_SIZE;
}

static void unmap_all(struct store *store) {
    tables_destroy(&store->tables);
    arena_destroy(&store->arena);
}

/* As many floors as make one part in STORE_FLOORS_SHARE of the limit. */
static bool floors_init(struct store *store) {
    uint64_t count = STORE_FLOORS_MIN;
    while (count * sizeof(uint64_t) * 2 <= store->arena.limit / STORE_FLOORS_SHARE) {
        count *= 2;
    }
    /* Charged from the start; a page takes memory when the first key of its groups is stored. */
    store->floors = tables_map(&store->tables, count * sizeof(*store->floors));
    store->floors_mask = count - 1;
    return store->floors != NULL;
}

/* The parts that are mapped: the arena, and the tables in their order. */
static int store_map(struct store *store, const struct store_config *config, const struct store_shape *shape,
                     size_t limit, size_t limit_max) {
    const struct arena_plan plan = {
        .limit = limit,
        .limit_max = limit_max,
        .item_size_max = shape->item_size_max != 0 ? shape->item_size_max : config->item_size_max,
        .segment_shift = shape->segment_shift,
        .workers_max = config->workers_max,
        .fd = shape->fd,
    };
    int status = arena_init(&store->arena, &plan);
    if (status < 0) {
        return status;
    }
    status = tables_init(&store->tables, shape->tables_fd, config->large_pages);
    if (status == 0) {
        status = index_init(store, first_power(config), limit_max, config->hash_seed);
    }
    if (status == 0 && (!ghost_init(&store->ghost, limit, &store->tables) || !floors_init(store))) {
        status = -ENOMEM;
    }
    if (status < 0) {
        unmap_all(store);
    }
    return status;
}

/* Whether the rest of the process still finds addresses: stacks of threads, buffers. */
static bool addresses_left(const struct store_config *config) {
    size_t size = STORE_ADDRESSES_LEFT + config->workers_max * (size_t)STORE_ADDRESSES_WORKER;
    void *probe = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe == MAP_FAILED) {
        return false;
    }
    munmap(probe, size);
    return true;
}

/* As store_map, with addresses left for others. */
static int store_map_leaving(struct store *store, const struct store_config *config,
                             const struct store_shape *shape, size_t limit, size_t limit_max) {
    int status = store_map(store, config, shape, limit, limit_max);
    if (status == 0 && !addresses_left(config)) {
        unmap_all(store);
        return -ENOMEM;
    }
    return status;
}

/*
 * Where the system refuses addresses (RLIMIT_AS, overcommit), first those for a later rise of the limit are given
 * up, then the limit sinks, as far as the configuration would be taken with it: a smaller store is better than none.
 */
static int store_map_fitting(struct store *store, const struct store_config *config,
                             const struct store_shape *shape) {
    struct store_config fitting = *config;
    size_t limit = config->memory_size_max;
    if (shape->limit_max != 0) {
        return store_map_leaving(store, config, shape, limit, shape->limit_max);
    }
    int status = store_map_leaving(store, config, shape, limit, arena_memory_limit_max(limit));
    while (status == -ENOMEM && store_config_is_valid(&fitting)) {
        limit = fitting.memory_size_max;
        status = store_map_leaving(store, config, shape, limit, limit);
        fitting.memory_size_max -= limit / STORE_LIMIT_STEP_SHARE;
    }
    return status;
}

static void store_init(struct store *store, const struct store_config *config) {
    atomic_init(&store->sweep.due_tick, UINT32_MAX);
    store->evict = config->evict;
    store->turn_wait_ns = config->turn_wait_us * CLOCK_NS_PER_US;
    epoch_init(&store->epoch, store->members, config->workers_max);
    store->item_size_max = config->item_size_max;
    store->workers_max = config->workers_max;
    store->orphans = (struct arena_list){.first = SEGMENT_NONE, .last = SEGMENT_NONE};
    pthread_mutex_init(&store->lock, NULL);
    flush_init(store);
    /* The descriptors of segments that are never used take no memory, so few of them are charged. */
    store->fixed_size = struct_size(config->workers_max) + (config->evict ? store->ghost.mapped_size : 0) +
                        (store->floors_mask + 1) * sizeof(uint64_t) +
                        (store->arena.limit >> store->arena.segment_shift) * 2 * sizeof(struct segment);
}

int store_make(const struct store_config *config, const struct store_shape *shape, struct store **created) {
    if (!store_config_is_valid(config)) {
        return -EINVAL;
    }
    struct store *store = aligned_alloc(BUCKET_SIZE, struct_size(config->workers_max));
    if (store == NULL) {
        return -ENOMEM;
    }
    memset((void *)store, 0, struct_size(config->workers_max));
    int status = store_map_fitting(store, config, shape);
    if (status < 0) {
        free(store);
        return status;
    }
    store_init(store, config);
    bool charged = arena_charge(&store->arena, store->fixed_size + store->index.homes_size);
    assert(charged); /* half of the limit for the index, and a few per cent */
    *created = store;
    return 0;
}

int store_create(const struct store_config *config, struct store **created) {
    return store_make(config, &(struct store_shape){.fd = -1, .tables_fd = -1}, created);
}

/* --- the note --- */

int store_note_set(struct store *store, struct bytes note) {
    if (note.size > STORE_NOTE_SIZE_MAX) {
        return -E2BIG;
    }
    char *copy = note.size == 0 ? NULL : malloc(note.size);
    if (note.size > 0 && copy == NULL) {
        return -ENOMEM;
    }
    if (note.size > 0) {
        memcpy(copy, note.data, note.size);
    }
    free((void *)(uintptr_t)store->note.data);
    store->note = bytes_of(copy, note.size);
    return 0;
}

struct bytes store_note(const struct store *store) {
    return store->note;
}

/* --- the end --- */

static void destroy_workers(struct store *store) {
    for (unsigned i = 0; i < epoch_members_count(&store->epoch); i++) {
        struct store_worker *worker = store_member(store, i);
        assert(!worker->joined);
        arena_uncharge(&store->arena, sizeof(*worker));
        free(worker->dead_items);
        free(worker);
    }
}

/* What is still in the index needs no end of its own: the arena goes as a whole. */
void store_destroy(struct store *store) {
    assert_slow(store->is_moved || index_check(store));
    if (!store->is_moved) { /* else their memory is another's */
        reclaim_free_orphans(store);
    }
    flush_deinit(store);
    destroy_workers(store);
    assert(arena_level(&store->arena.pins_size) == 0);
    unmap_all(store);
    pthread_mutex_destroy(&store->lock);
    free((void *)(uintptr_t)store->note.data);
    free(store);
}

/* --- workers --- */

/* The structure of a worker that has left, or NULL. Under the lock. */
static struct store_worker *idle_worker(struct store *store) {
    for (unsigned i = 0; i < epoch_members_count(&store->epoch); i++) {
        if (!store_member(store, i)->joined) {
            return store_member(store, i);
        }
    }
    return NULL;
}

static void worker_init(struct store_worker *worker, struct store *store) {
    static const struct arena_list none = {.first = SEGMENT_NONE, .last = SEGMENT_NONE};
    worker->store = store;
    worker->retired = worker->pinned = none;
    worker->emptying.index = worker->sweeping.index = SEGMENT_NONE;
    for (unsigned queue = 0; queue < QUEUES_COUNT; queue++) {
        for (unsigned class = 0; class < STORE_CLASSES_COUNT; class ++) {
            worker->open[queue][class].index = SEGMENT_NONE;
        }
    }
}

/* Under the lock. */
static struct store_worker *new_worker(struct store *store) {
    size_t size = sizeof(struct store_worker);
    static_assert(sizeof(struct store_worker) % alignof(struct store_worker) == 0, "for aligned_alloc");
    if (epoch_members_count(&store->epoch) == store->workers_max) {
        return NULL;
    }
    struct store_worker *worker = aligned_alloc(alignof(struct store_worker), size);
    if (worker == NULL) {
        return NULL;
    }
    /* Who joins a store above its limit is who makes room in it. */
    arena_charge_anyway(&store->arena, size);
    memset((void *)worker, 0, size);
    worker_init(worker, store);
    epoch_join(&store->epoch, &worker->member);
    return worker;
}

struct store_worker *store_worker_join(struct store *store, uint64_t now_ns) {
    pthread_mutex_lock(&store->lock);
    struct store_worker *worker = idle_worker(store);
    if (worker == NULL) {
        worker = new_worker(store);
    }
    if (worker != NULL) {
        worker->joined = true;
        worker->on_evict = NULL;
        worker->flush_seen = store_flush_number(store);
        expire_start_clock(store, now_ns);
    }
    pthread_mutex_unlock(&store->lock);
    if (worker != NULL) {
        store_online(worker, now_ns);
    }
    return worker;
}

void store_worker_leave(struct store_worker *worker) {
    struct store *store = worker->store;
    if (epoch_tag(&worker->member) == 0) {
        epoch_online(&store->epoch, &worker->member);
    }
    evict_finish(worker);
    sweep_finish(worker);
    segment_close_all(worker);
    reclaim_pass(worker);
    index_tell_count(worker);
    index_leave(worker);
    pthread_mutex_lock(&store->lock);
    reclaim_leave(worker);
    epoch_offline(&worker->member); /* before another thread may take the structure over */
    worker->joined = false;
    pthread_mutex_unlock(&store->lock);
}

void store_worker_on_evict(struct store_worker *worker,
                           void (*on_evict)(void *user, const struct item_view *view), void *user) {
    worker->on_evict = on_evict;
    worker->on_evict_user = user;
}

bool store_memory_limit_set(struct store_worker *worker, size_t memory_size_max) {
    struct store *store = worker->store;
    struct arena *arena = &store->arena;
    uint64_t index_size = arena_level(&store->index.size);
    /* Segments that workers have open cannot be emptied; the reserve, and what copies take, are kept free. */
    size_t slots =
        epoch_members_count(&store->epoch) * QUEUES_COUNT * STORE_CLASSES_COUNT + 2 * ARENA_MOVES_SLOTS + 1;
    size_t least = index_size + store->fixed_size + (slots << arena->segment_shift);
    if (memory_size_max < STORE_MEMORY_SIZE_MIN || memory_size_max < least ||
        memory_size_max > arena->limit_max) {
        return false;
    }
    arena_set_limit(arena, memory_size_max);
    return true;
}

/* --- between two turns --- */

/* The earlier of two wake-ups; 0 means no need. */
static unsigned sooner(unsigned left_ms, unsigned right_ms) {
    if (left_ms == 0 || right_ms == 0) {
        return left_ms | right_ms;
    }
    return left_ms < right_ms ? left_ms : right_ms;
}

/* What waits for other workers or for a reply is asked about less and less often while nothing moves. */
static unsigned turn_retired(struct store_worker *worker) {
    reclaim_pass(worker);
    if (likely(!reclaim_waits(worker))) {
        return 0;
    }
    uint64_t moves = counter_read(&worker->counters.retired) + counter_read(&worker->counters.freed);
    bool moved = moves != worker->retired_moves;
    worker->retired_moves = moves;
    worker->wait_ms = moved ? STORE_RETIRED_WAIT_MS_MIN : worker->wait_ms * 2;
    if (worker->wait_ms > STORE_RETIRED_WAIT_MS_MAX) {
        worker->wait_ms = STORE_RETIRED_WAIT_MS_MAX;
    }
    return worker->wait_ms;
}

/* Segments from before a flush take nothing in any more. */
static void turn_flush(struct store_worker *worker) {
    uint64_t flush_number = store_flush_number(worker->store);
    if (unlikely(worker->flush_seen != flush_number)) {
        worker->flush_seen = flush_number;
        segment_close_all(worker);
        worker->flush_round = evict_rounds(worker->store);
        evict_set_flushed_wait(worker->store, true); /* what was open until now is to be emptied, too */
    }
}

unsigned store_quiescent(struct store_worker *worker, uint64_t now_ns) {
    segment_keep_fresh(worker);
    reclaim_settle_refusal(worker);
    worker->paused_ns = 0;
    expire_set_clock(worker, now_ns);
    flush_if_due(worker);
    link_turn(worker);
    turn_flush(worker);
    arena_look_for_room(&worker->store->arena, now_ns);
    reclaim_adopt(worker);
    unsigned wait_ms = turn_retired(worker);
    wait_ms = sooner(wait_ms, evict_turn(worker));
    wait_ms = sooner(wait_ms, sweep_turn(worker));
    wait_ms = sooner(wait_ms, flush_turn(worker));
    wait_ms = sooner(wait_ms, index_resize(worker, INDEX_STEPS_TURN) ? STORE_BUSY_MS : 0);
    return sooner(wait_ms, arena_ready_trim(&worker->store->arena, now_ns));
}

void store_offline(struct store_worker *worker) {
    segment_keep_fresh(worker);
    epoch_offline(&worker->member);
}

void store_online(struct store_worker *worker, uint64_t now_ns) {
    epoch_online(&worker->store->epoch, &worker->member);
    expire_set_clock(worker, now_ns);
    flush_if_due(worker);
}

/* --- statistics: each figure is read by itself, so one may be a little younger than another --- */

/* Of a sum of differences over workers that count on meanwhile: never below 0 for the reader. */
static uint64_t difference(uint64_t more, uint64_t less) {
    return more > less ? more - less : 0;
}

static void add_counters(struct store_counters *sums, const struct store_counters *counters) {
#define STATS_ADD(name, help)                                                                                \
    counter_set(&sums->name, counter_read(&sums->name) + counter_read(&counters->name));
    STORE_COUNTERS(STATS_ADD)
#undef STATS_ADD
}

/* Everything that is summed up over workers. */
static void sum_workers(struct store *store, struct store_levels *levels) {
    uint64_t size_added = 0, size_removed = 0;
    unsigned count = epoch_members_count(&store->epoch);
    for (unsigned i = 0; i < count; i++) {
        const struct store_worker *worker = store_member(store, i);
        add_counters(&levels->sums, &worker->counters);
        size_added += counter_read(&worker->items_size_added);
        size_removed += counter_read(&worker->items_size_removed);
        levels->moved_size += counter_read(&worker->moved_size);
    }
    const struct store_counters *sums = &levels->sums;
    levels->items_count = difference(counter_read(&sums->items_added), counter_read(&sums->items_removed));
    levels->items_size = difference(size_added, size_removed);
    levels->retired_count = difference(counter_read(&sums->retired), counter_read(&sums->freed));
}

static void read_arena(struct arena *arena, struct store_levels *levels) {
    arena_lock(arena);
    levels->small_size = arena->queues[QUEUE_SMALL].size;
    levels->main_size = arena->queues[QUEUE_MAIN].size;
    levels->memory_size = arena_level(&arena->used);
    levels->free_size = arena_level(&arena->ready_size);
    levels->open_size = arena_level(&arena->open_size);
    arena_unlock(arena);
    int64_t coming = arena_coming(arena);
    levels->retired_size = (coming > 0 ? (uint64_t)coming : 0) + arena_level(&arena->pinned_size);
    levels->memory_size_max = arena_level(&arena->limit);
    levels->segment_size = arena_segment_size(arena);
}

void store_stats(struct store *store, struct store_levels *levels) {
    *levels = (struct store_levels){0};
    sum_workers(store, levels);
    read_arena(&store->arena, levels);
    uint64_t segments_size = levels->small_size + levels->main_size + levels->open_size;
    uint64_t homes_count = index_homes_count(&store->index);
    levels->dead_size = difference(segments_size, levels->items_size);
    levels->ghosts_size = store->evict ? store->ghost.mapped_size : 0;
    levels->small_target = arena_level(&store->ghost.small_target);
    levels->index_size = arena_level(&store->index.size);
    levels->index_power = 63 - (uint32_t)__builtin_clzl(homes_count);
    levels->index_growing = index_wants_to_grow(&store->index);
    levels->epoch = epoch_now(&store->epoch);
    levels->flushed_prefixes = arena_level(&store->flush_sweep.count);
}
