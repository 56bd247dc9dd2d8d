/* SPDX-License-Identifier: MIT
 *
 * stats: the sub-commands of `stats`. Their lines are written by stat.c.
 */
#ifndef MEMCACHED_STATS_H
#define MEMCACHED_STATS_H

#include "call.h"
#include "stat.h"

/*
 * The sub-commands. `arguments` is what follows the sub-command's name.
 */

/* general.c: plain `stats`. */
void stats_general(struct mc_call *call, struct bytes arguments);

/* riposte.c: everything that memcached has no name for. */
void stats_riposte(struct mc_call *call, struct bytes arguments);

/* hotkeys.c: the busiest keys. */
void stats_hotkeys(struct mc_call *call, struct bytes arguments);
void stats_latency(struct mc_call *call, struct bytes arguments);
void stats_slow(struct mc_call *call, struct bytes arguments);

/* items.c: what memcached says of its slab classes; here all items are of one class. */
void stats_items(struct mc_call *call, struct bytes arguments);
void stats_slabs(struct mc_call *call, struct bytes arguments);
void stats_cachedump(struct mc_call *call, struct bytes arguments);

#endif
