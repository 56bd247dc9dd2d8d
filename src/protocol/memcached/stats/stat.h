/* SPDX-License-Identifier: MIT
 *
 * stat: the lines of all statistics.
 *
 * `STAT <name> <value>` each, then `END`. A value is one word and never empty: strict readers refuse anything
 * else. A name that means nothing here reports 0.
 */
#ifndef MEMCACHED_STAT_H
#define MEMCACHED_STAT_H

#include "riposte/reply.h"

void stat_line(struct reply *reply, const char *name, struct bytes value);
void stat_word(struct reply *reply, const char *name, const char *value);

/* A line of a number; name.size <= STAT_NAME_SIZE_MAX. */
enum { STAT_NAME_SIZE_MAX = 128 };
void stat_number_line(struct reply *reply, struct bytes name, uint64_t value);

/* The same. Inlined, so that the length of a name that stands in the program is known when that is compiled. */
static inline void stat_number(struct reply *reply, const char *name, uint64_t value) {
    stat_number_line(reply, bytes_from_string(name), value);
}

/* A row of names that all report 0. */
void stat_zeros(struct reply *reply, const char *const *names, size_t names_count);
#define STAT_ZEROS(reply, names) stat_zeros((reply), (names), sizeof(names) / sizeof((names)[0]))

void stats_end(struct reply *reply);

#endif
