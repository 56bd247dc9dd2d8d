/* SPDX-License-Identifier: MIT
 *
 * ghost: remembers by their hashes what was pushed out lately, and from which queue. See ghost.h.
 */
#include "ghost.h"

enum {
    GHOST_SHARE = 64, /* ghosts take one part in so many of the limit: about an entry for every 256 bytes */
    GHOST_TIME_BITS = 15,
    GHOST_TIME_MASK = (1 << GHOST_TIME_BITS) - 1,
    GHOST_UNITS = 4096, /* of time in the store's size */
    GHOST_LEFT_MAIN_BIT = 1,
    GHOST_FINGERPRINT_SHIFT = 16,
    GHOST_STEP_DIVISOR = 5,
    GHOST_SHRINK_STEPS = 2,
};

/* How long a ghost is good for, in units. */
static const uint32_t lifetimes[QUEUES_COUNT] = {
    [QUEUE_SMALL] = GHOST_UNITS * 9 / 10, [QUEUE_MAIN] = GHOST_UNITS / 2};

static size_t ghost_size(size_t limit) {
    return arena_round_up(limit / GHOST_SHARE, ARENA_PAGE_SIZE);
}

bool ghost_init(struct ghost *ghost, size_t limit, struct tables *tables) {
    *ghost = (struct ghost){.mapped_size = ghost_size(limit), .store_size = limit};
    ghost->buckets_count = ghost->mapped_size / (GHOST_WAYS * sizeof(uint32_t));
    atomic_init(&ghost->small_target, limit / 10);
    ghost->entries = tables_map(tables, ghost->mapped_size);
    return ghost->entries != NULL;
}

/* relaxed, here and below: ghosts are hints, and nothing is reached through them. */
static uint64_t ghost_clock(const struct ghost *ghost, enum segment_queue queue) {
    return atomic_load_explicit(&ghost->clocks[queue], memory_order_relaxed);
}

static uint32_t ghost_time(const struct ghost *ghost, enum segment_queue queue) {
    uint64_t unit = ghost->store_size / GHOST_UNITS + 1;
    return (uint32_t)(ghost_clock(ghost, queue) / unit) & GHOST_TIME_MASK;
}

static enum segment_queue ghost_queue(uint32_t entry) {
    return (entry & GHOST_LEFT_MAIN_BIT) != 0 ? QUEUE_MAIN : QUEUE_SMALL;
}

/* In units; above its lifetime a ghost is over. `times` are the present ones. */
static uint32_t ghost_age(const uint32_t times[QUEUES_COUNT], uint32_t entry) {
    return (times[ghost_queue(entry)] - (entry >> 1 & GHOST_TIME_MASK)) & GHOST_TIME_MASK;
}

static bool ghost_is_over(const uint32_t times[QUEUES_COUNT], uint32_t entry) {
    return entry == 0 || ghost_age(times, entry) > lifetimes[ghost_queue(entry)];
}

static uint32_t ghost_fingerprint(uint64_t hash) {
    uint32_t fingerprint = (uint32_t)(hash >> 40) & 0xffff;
    return fingerprint != 0 ? fingerprint : 1;
}

void ghost_insert(struct ghost *ghost, enum segment_queue left, uint64_t hash, size_t size) {
    atomic_fetch_add_explicit(&ghost->clocks[left], size, memory_order_relaxed);
    if (unlikely(!ghost_is_active(ghost))) {
        atomic_store_explicit(&ghost->active, true, memory_order_relaxed);
    }
    const uint32_t times[QUEUES_COUNT] = {ghost_time(ghost, QUEUE_SMALL), ghost_time(ghost, QUEUE_MAIN)};
    _Atomic uint32_t *bucket = ghost_bucket(ghost, hash);
    unsigned best = 0;
    uint32_t best_age = 0;
    for (unsigned i = 0; i < GHOST_WAYS; i++) {
        uint32_t entry = atomic_load_explicit(&bucket[i], memory_order_relaxed);
        if (ghost_is_over(times, entry)) {
            best = i;
            break;
        }
        if (ghost_age(times, entry) >= best_age) {
            best_age = ghost_age(times, entry);
            best = i;
        }
    }
    uint32_t entry = ghost_fingerprint(hash) << GHOST_FINGERPRINT_SHIFT | times[left] << 1 |
                     (left == QUEUE_MAIN ? GHOST_LEFT_MAIN_BIT : 0);
    atomic_store_explicit(&bucket[best], entry, memory_order_relaxed);
}

/* Bytes that a list remembers. */
static uint64_t ghost_list_size(const struct ghost *ghost, enum segment_queue queue) {
    uint64_t size_max = ghost->store_size / GHOST_UNITS * lifetimes[queue];
    uint64_t size = ghost_clock(ghost, queue);
    return (size < size_max ? size : size_max) + 1;
}

static void ghost_adapt(struct ghost *ghost, enum segment_queue met, size_t size) {
    enum segment_queue other = met == QUEUE_SMALL ? QUEUE_MAIN : QUEUE_SMALL;
    uint64_t step = size / GHOST_STEP_DIVISOR + 1;
    uint64_t ratio_own = ghost_list_size(ghost, met), ratio_other = ghost_list_size(ghost, other);
    if (ratio_other > ratio_own) {
        step = step * (ratio_other / ratio_own);
    }
    if (met == QUEUE_MAIN) {
        step *= GHOST_SHRINK_STEPS;
    }
    uint64_t least = ghost->store_size / 20, most = ghost->store_size / 2;
    uint64_t target = atomic_load_explicit(&ghost->small_target, memory_order_relaxed);
    if (met == QUEUE_SMALL) {
        target = target + step < most ? target + step : most;
    } else {
        target = target > least + step ? target - step : least;
    }
    atomic_store_explicit(&ghost->small_target, target, memory_order_relaxed);
}

enum ghost_answer ghost_take(struct ghost *ghost, uint64_t hash, size_t size) {
    const uint32_t times[QUEUES_COUNT] = {ghost_time(ghost, QUEUE_SMALL), ghost_time(ghost, QUEUE_MAIN)};
    _Atomic uint32_t *bucket = ghost_bucket(ghost, hash);
    uint32_t fingerprint = ghost_fingerprint(hash);
    for (unsigned i = 0; i < GHOST_WAYS; i++) {
        uint32_t entry = atomic_load_explicit(&bucket[i], memory_order_relaxed);
        if (entry >> GHOST_FINGERPRINT_SHIFT == fingerprint && !ghost_is_over(times, entry)) {
            atomic_store_explicit(&bucket[i], 0, memory_order_relaxed);
            ghost_adapt(ghost, ghost_queue(entry), size);
            return ghost_queue(entry) == QUEUE_MAIN ? GHOST_LEFT_MAIN : GHOST_LEFT_SMALL;
        }
    }
    return GHOST_NONE;
}
