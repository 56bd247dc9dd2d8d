/* SPDX-License-Identifier: MIT
 *
 * counter: a number that one thread counts and any thread may read.
 *
 * Counters belong to a worker and are summed by the reader. The owner's load and store are separate relaxed
 * operations, not an atomic read-modify-write: nobody else writes, and an ordinary add is what remains in the
 * machine code. Readers see some recent value, never a torn one. The compiler's own atomics, since
 * <stdatomic.h> does not exist in C++17.
 */
#ifndef RIPOSTE_COUNTER_H
#define RIPOSTE_COUNTER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct counter {
    uint64_t value; /* read and written by the functions below only */
};

/* Only the owning thread. */
static inline void counter_add(struct counter *counter, uint64_t amount) {
    /* relaxed: a count orders nothing; see the header comment. */
    uint64_t value = __atomic_load_n(&counter->value, __ATOMIC_RELAXED);
    __atomic_store_n(&counter->value, value + amount, __ATOMIC_RELAXED);
}

/* Only the owning thread: for levels (gauges) rather than counts. */
static inline void counter_set(struct counter *counter, uint64_t value) {
    __atomic_store_n(&counter->value, value, __ATOMIC_RELAXED);
}

/* Any thread. */
static inline uint64_t counter_read(const struct counter *counter) {
    return __atomic_load_n(&counter->value, __ATOMIC_RELAXED);
}

#ifdef __cplusplus
}
#endif

#endif
