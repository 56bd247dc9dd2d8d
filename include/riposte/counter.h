/* SPDX-License-Identifier: MIT
 *
 * counter: a number that one thread counts and any thread may read.
 *
 * Counters belong to a worker and are summed by the reader (design decision 10). The owner's load and store
 * are separate relaxed operations, not an atomic read-modify-write: nobody else writes, and an ordinary add
 * is what remains in the machine code. Readers see some recent value, never a torn one.
 */
#ifndef RIPOSTE_COUNTER_H
#define RIPOSTE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

struct counter {
    _Atomic uint64_t value;
};

/* Only the owning thread. */
static inline void counter_add(struct counter *counter, uint64_t amount) {
    /* relaxed: a count orders nothing; see the header comment. */
    uint64_t value = atomic_load_explicit(&counter->value, memory_order_relaxed);
    atomic_store_explicit(&counter->value, value + amount, memory_order_relaxed);
}

/* Only the owning thread: for levels (gauges) rather than counts. */
static inline void counter_set(struct counter *counter, uint64_t value) {
    atomic_store_explicit(&counter->value, value, memory_order_relaxed);
}

/* Any thread. */
static inline uint64_t counter_read(const struct counter *counter) {
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

#endif
