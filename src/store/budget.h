/* SPDX-License-Identifier: MIT
 *
 * budget: keeps the sum of all charges at or below memory_size_max.
 *
 *      committed = everything charged + allowances of the workers <= memory_size_max          (the invariant)
 *
 * A worker charges against its own allowance, which it draws from the shared figure in portions, and
 * collects what comes free until a portion has come together, so that the shared line is written seldom.
 * What has come free is not charged again before it has been given back: so every byte a worker uses is
 * drawn once, and drawing is where a full store notices and evicts (pressure.c). Drawing never passes the
 * limit; lowering the limit is the one way to stand above it for a while, and then nothing can be drawn.
 *
 * Who may call: a worker's own thread; budget_take_shared and budget_give_shared anyone.
 */
#ifndef RIPOSTE_STORE_BUDGET_H
#define RIPOSTE_STORE_BUDGET_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/check.h"
#include "riposte/counter.h"

struct budget {
    alignas(64) _Atomic uint64_t committed; /* bytes; written by every draw */
    alignas(64) _Atomic uint64_t limit;     /* memory_size_max; written by store_memory_limit_set only */
    _Atomic uint64_t portion; /* bytes drawn at a time while there is plenty; written with `limit` */
    unsigned workers_max;     /* constant */
};

/* A worker's side. Its own thread writes, store_stats reads. */
struct allowance {
    struct counter left;     /* bytes drawn and not charged */
    struct counter returned; /* bytes no longer charged and not yet given back; below a portion */
};

void budget_init(struct budget *budget, uint64_t limit, unsigned workers_max);

/* Portions are small enough that all workers' unused allowances together stay below 1/32 of the limit. */
void budget_set_limit(struct budget *budget, uint64_t limit);

/* Charges `size` directly; false when that would pass the limit. */
bool budget_take_shared(struct budget *budget, uint64_t size);
void budget_give_shared(struct budget *budget, uint64_t size);

/*
 * Charges `size` whatever the limit: only where the store stands above a lowered limit anyhow, for what
 * makes it smaller.
 */
void budget_force_shared(struct budget *budget, uint64_t size);

/* Draws until the allowance covers `size`; `spare` more when that fits too. False when the limit forbids. */
bool budget_draw(struct budget *budget, struct allowance *allowance, uint64_t size, uint64_t spare);

/* Gives back what has come free. */
void budget_flush(struct budget *budget, struct allowance *allowance);

/* Gives back everything: the worker leaves. */
void budget_close(struct budget *budget, struct allowance *allowance);

static inline uint64_t budget_limit(const struct budget *budget) {
    /* relaxed: a limit orders nothing. */
    return atomic_load_explicit(&budget->limit, memory_order_relaxed);
}

static inline uint64_t budget_portion(const struct budget *budget) {
    return atomic_load_explicit(&budget->portion, memory_order_relaxed);
}

static inline uint64_t budget_committed(const struct budget *budget) {
    /* relaxed: a level orders nothing. */
    return atomic_load_explicit(&budget->committed, memory_order_relaxed);
}

/* Charges `size` against the allowance alone. */
static inline bool allowance_take(struct allowance *allowance, uint64_t size) {
    uint64_t left = counter_read(&allowance->left);
    if (unlikely(left < size)) {
        return false;
    }
    counter_set(&allowance->left, left - size);
    return true;
}

/* Takes a charge back. */
static inline void budget_give(struct budget *budget, struct allowance *allowance, uint64_t size) {
    counter_add(&allowance->returned, size);
    if (unlikely(counter_read(&allowance->returned) >= budget_portion(budget))) {
        budget_flush(budget, allowance);
    }
}

/* Bytes that are committed and charged for nothing. */
static inline uint64_t allowance_unused(const struct allowance *allowance) {
    return counter_read(&allowance->left) + counter_read(&allowance->returned);
}

#endif
