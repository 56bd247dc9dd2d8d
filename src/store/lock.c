/* SPDX-License-Identifier: MIT
 *
 * lock: taking and releasing. See lock.h.
 */
#include "lock.h"

#include <sched.h>

#include "cpu_relax.h"

enum { LOCK_SPINS_MAX = 64 };

/* A holder needs well under a microsecond, unless it was interrupted: then the CPU is better given away. */
static void lock_wait(struct store_worker *worker, unsigned *spins) {
    if (*spins == 0) {
        counter_add(&worker->counters.lock_waits, 1);
    }
    if (++*spins % LOCK_SPINS_MAX == 0) {
        sched_yield();
    } else {
        cpu_relax();
    }
}

bool lock_take(struct store_worker *worker, struct bucket *home) {
    unsigned spins = 0;
    /* acquire: the table that follows and its homes were complete before the mark (W5). */
    uint64_t header = atomic_load_explicit(&home->header, memory_order_acquire);
    for (;;) {
        if (unlikely((header & BUCKET_MIGRATED) != 0)) {
            return false;
        }
        if (unlikely((header & BUCKET_LOCKED) != 0)) {
            lock_wait(worker, &spins);
            header = atomic_load_explicit(&home->header, memory_order_acquire);
        } else if (likely(atomic_compare_exchange_weak_explicit(&home->header, &header,
                                                                header | BUCKET_LOCKED, memory_order_acquire,
                                                                memory_order_acquire))) {
            /* acquire: what the last holder wrote comes before what this one reads. */
            return true;
        }
    }
}

static void lock_release_with(struct bucket *home, uint64_t marks) {
    uint64_t header = atomic_load_explicit(&home->header, memory_order_relaxed);
    assert((header & BUCKET_LOCKED) != 0 && (header & BUCKET_MIGRATED) == 0);
    /* release: the holder's changes come before the next holder's, and before the mark (W5). */
    atomic_store_explicit(&home->header, (header & ~BUCKET_LOCKED) | marks, memory_order_release);
}

void lock_release(struct bucket *home) {
    lock_release_with(home, 0);
}

void lock_release_migrated(struct bucket *home) {
    lock_release_with(home, BUCKET_MIGRATED);
}
