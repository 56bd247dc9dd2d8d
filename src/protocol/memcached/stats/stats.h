/* SPDX-License-Identifier: MIT
 *
 * stats: the lines of `stats` and its sub-commands.
 *
 * `STAT <name> <value>` each, then `END`. A value is one word and never empty: strict readers refuse anything
 * else. A name that means nothing here reports 0.
 */
#ifndef MEMCACHED_STATS_H
#define MEMCACHED_STATS_H

#include "call.h"

void stat_line(struct reply *reply, const char *name, struct bytes value);
void stat_word(struct reply *reply, const char *name, const char *value);
void stat_number(struct reply *reply, const char *name, uint64_t value);

/* A row of names that all report 0. */
void stat_zeros(struct reply *reply, const char *const *names, size_t names_count);
#define STAT_ZEROS(reply, names) stat_zeros((reply), (names), sizeof(names) / sizeof((names)[0]))

void stats_end(struct reply *reply);

/*
 * The sub-commands. `arguments` is what follows the sub-command's name.
 */

/* stats_general.c: plain `stats`. */
void stats_general(struct mc_call *call, struct bytes arguments);

/* stats_riposte.c: everything that memcached has no name for. */
void stats_riposte(struct mc_call *call, struct bytes arguments);

/* hotkeys.c: the busiest keys. */
void stats_hotkeys(struct mc_call *call, struct bytes arguments);

/* stats_items.c: what memcached says of its slab classes; here all items are of one class. */
void stats_items(struct mc_call *call, struct bytes arguments);
void stats_slabs(struct mc_call *call, struct bytes arguments);
void stats_cachedump(struct mc_call *call, struct bytes arguments);

#endif
