/* SPDX-License-Identifier: MIT
 *
 * deadlines: connections in the order in which time runs out for them.
 *
 * One list per kind of time-out. All connections of a list wait equally long, so adding at the end keeps it
 * ordered by deadline and only the head is ever looked at. Links are slot indices inside the conns. A
 * connection is in at most one list. Times are the worker's milliseconds; they wrap after 49 days and are
 * compared by difference, so a time-out must be below 24 days. Only the owning worker calls.
 */
#ifndef RIPOSTE_ENGINE_DEADLINES_H
#define RIPOSTE_ENGINE_DEADLINES_H

#include <stdbool.h>
#include <stdint.h>

#include "conn.h"

struct deadline_list {
    uint32_t first; /* earliest deadline; CONN_NONE when empty */
    uint32_t last;
};

struct deadlines {
    struct deadline_list lists[TIMEOUT_KIND_COUNT]; /* TIMEOUT_NONE is never used */
};

void deadlines_init(struct deadlines *deadlines);

/* True when `time_ms` is not before `deadline_ms`. */
static inline bool deadline_passed(uint32_t time_ms, uint32_t deadline_ms) {
    return (int32_t)(time_ms - deadline_ms) >= 0;
}

/* Puts a connection at the end of a list; it must be in none. */
void deadlines_add(struct deadlines *deadlines, struct conn_table *table, struct conn *conn,
                   enum timeout_kind kind, uint32_t deadline_ms);

/* Takes it out of its list, if it is in one. */
void deadlines_remove(struct deadlines *deadlines, struct conn_table *table, struct conn *conn);

/* The first connection of a list whose deadline has come; NULL when there is none. */
struct conn *deadlines_due(const struct deadlines *deadlines, const struct conn_table *table,
                           enum timeout_kind kind, uint32_t now_ms);

/* Milliseconds until the next deadline of any list, at least 1; UINT32_MAX when all are empty. */
uint32_t deadlines_next_ms(const struct deadlines *deadlines, const struct conn_table *table,
                           uint32_t now_ms);

/* For how long the earliest deadline of any list has passed; 0 when none has. */
uint32_t deadlines_late_ms(const struct deadlines *deadlines, const struct conn_table *table,
                           uint32_t now_ms);

#endif
