/* SPDX-License-Identifier: MIT
 *
 * stats: sums over all workers that ever joined. Any thread; a sum is of the moment for each worker, not
 * for all at once.
 */
#ifndef RIPOSTE_STORE_STATS_H
#define RIPOSTE_STORE_STATS_H

#include "state.h"

/* Items in the index. */
uint64_t stats_items_count(struct store *store);

#endif
