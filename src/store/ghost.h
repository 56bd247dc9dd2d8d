/* SPDX-License-Identifier: MIT
 *
 * ghost: fingerprints of items that were pushed out, and what meeting them again teaches.
 *
 *      bucket (one line, by the hash)   | 16 entries of 4 bytes |
 *      entry   0: LEFT_MAIN | 1..15: when, in 4096ths of the store's size | 16..31: fingerprint      0: free
 *
 * Two lists in one table: of what left the small queue, good for as long as what left since makes up 0.9 of the
 * store, and of what left main, for 0.5. Time here is bytes pushed out, not the time of day, so that the policy
 * is the same at any speed. An item that comes back within its time is
 *  - stored in main when it had left small, and the small queue's share grows: it was pushed out too soon;
 *  - stored in small when it had left main, and the share shrinks.
 * The step is a fifth of the item's size, times how much longer the other list is (Megiddo and Modha's rule for
 * ARC, USENIX FAST 2003), and twice that where the share shrinks: the list of main is the shorter one by nearly half, and
 * what is met in it was used before, while much of what left small is met by chance. The share stays between 5 and 50 %.
 *
 * All atomic and relaxed: a lost or a false ghost costs a little of the hit ratio and nothing else. Any thread.
 */
#ifndef RIPOSTE_STORE_GHOST_H
#define RIPOSTE_STORE_GHOST_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "tables.h"

struct ghost {
    _Atomic uint32_t *entries;                         /* constant; NULL: no ghosts */
    uint64_t buckets_count;                            /* constant */
    size_t mapped_size;                                /* constant */
    uint64_t store_size;                               /* bytes that the lists are measured by; constant */
    _Atomic bool active;                               /* something was pushed out */
    alignas(64) _Atomic uint64_t clocks[QUEUES_COUNT]; /* bytes that have left each queue */
    _Atomic uint64_t small_target;                     /* bytes that the small queue should have */
};

enum ghost_answer { GHOST_NONE, GHOST_LEFT_SMALL, GHOST_LEFT_MAIN };

/* In the next of the tables. False when the system has no addresses. */
bool ghost_init(struct ghost *ghost, size_t limit, struct tables *tables);

/* An item of `size` bytes with this hash was pushed out of a queue. */
void ghost_insert(struct ghost *ghost, enum segment_queue left, uint64_t hash, size_t size);

/* An item of `size` bytes is stored anew: where had it been? The ghost goes, and the share moves. */
enum ghost_answer ghost_take(struct ghost *ghost, uint64_t hash, size_t size);

/* Whether anything was ever pushed out. */
static inline bool ghost_is_active(const struct ghost *ghost) {
    return atomic_load_explicit(&ghost->active, memory_order_relaxed);
}

enum { GHOST_WAYS = 16 };

static inline _Atomic uint32_t *ghost_bucket(const struct ghost *ghost, uint64_t hash) {
    /* The middle bits: the upper ones are the fingerprint. */
    uint64_t position = (hash & UINT64_C(0xffffffff)) * ghost->buckets_count >> 32;
    return ghost->entries + position * GHOST_WAYS;
}

#endif
