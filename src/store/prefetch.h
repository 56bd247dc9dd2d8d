/* SPDX-License-Identifier: MIT
 *
 * prefetch: brings the lines of a batch of look-ups on the way, in two steps.
 *
 *      store_prefetch of key n      asks for the home of key n, and for the item of key n - 8, whose home
 *                                   has come by now
 *      the first look-up after it   asks for the items of the last 8
 *
 * A small index stays in the CPU's own cache: its homes need no first step, items are asked for at once.
 * Worker's own thread.
 */
#ifndef RIPOSTE_STORE_PREFETCH_H
#define RIPOSTE_STORE_PREFETCH_H

#include "state.h"

/* Asks for the items of all keys that are still waiting for their home. */
void prefetch_finish(struct store_worker *worker);

/* Before a look-up. */
static inline void prefetch_end(struct store_worker *worker) {
    if (unlikely(worker->prefetches_count != 0)) {
        prefetch_finish(worker);
    }
}

#endif
