/* SPDX-License-Identifier: MIT
 *
 * budget: the shared figure. See budget.h.
 */
#include "budget.h"

#include <assert.h>

enum { BUDGET_PORTION_MAX = 32 * 1024, BUDGET_PORTION_SHARE = 64 };

static uint64_t budget_portion_of(uint64_t limit, unsigned workers_max) {
    uint64_t portion = limit / ((uint64_t)workers_max * BUDGET_PORTION_SHARE);
    return portion < BUDGET_PORTION_MAX ? portion : BUDGET_PORTION_MAX;
}

void budget_init(struct budget *budget, uint64_t limit, unsigned workers_max) {
    atomic_init(&budget->committed, 0);
    budget->workers_max = workers_max;
    budget_set_limit(budget, limit);
}

void budget_set_limit(struct budget *budget, uint64_t limit) {
    /* relaxed: nothing depends on both figures fitting together. */
    atomic_store_explicit(&budget->portion, budget_portion_of(limit, budget->workers_max),
                          memory_order_relaxed);
    atomic_store_explicit(&budget->limit, limit, memory_order_relaxed);
}

bool budget_take_shared(struct budget *budget, uint64_t size) {
    uint64_t committed = budget_committed(budget);
    do {
        uint64_t limit = budget_limit(budget);
        if (committed > limit || size > limit - committed) {
            return false;
        }
        /* relaxed: the figure is only a sum; memory itself changes hands through the index and the epochs. */
    } while (!atomic_compare_exchange_weak_explicit(&budget->committed, &committed, committed + size,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void budget_force_shared(struct budget *budget, uint64_t size) {
    /* relaxed: as above. */
    atomic_fetch_add_explicit(&budget->committed, size, memory_order_relaxed);
}

void budget_give_shared(struct budget *budget, uint64_t size) {
    /* relaxed: as above. */
    uint64_t before = atomic_fetch_sub_explicit(&budget->committed, size, memory_order_relaxed);
    assert(before >= size);
}

bool budget_draw(struct budget *budget, struct allowance *allowance, uint64_t size, uint64_t spare) {
    uint64_t left = counter_read(&allowance->left);
    if (left >= size) {
        return true;
    }
    uint64_t missing = size - left;
    if (budget_take_shared(budget, missing + spare)) {
        counter_set(&allowance->left, size + spare);
        return true;
    }
    if (!budget_take_shared(budget, missing)) {
        return false;
    }
    counter_set(&allowance->left, size);
    return true;
}

void budget_flush(struct budget *budget, struct allowance *allowance) {
    uint64_t returned = counter_read(&allowance->returned);
    if (returned == 0) {
        return;
    }
    counter_set(&allowance->returned, 0);
    budget_give_shared(budget, returned);
}

void budget_close(struct budget *budget, struct allowance *allowance) {
    uint64_t left = counter_read(&allowance->left);
    budget_flush(budget, allowance);
    counter_set(&allowance->left, 0);
    budget_give_shared(budget, left);
}
