/* SPDX-License-Identifier: MIT
 *
 * timeouts: what a connection is watched for, and the connections in the order in which time runs out for them; overdue.c acts
 * on those whose time has come.
 *
 *      WRITE    output waits and nothing leaves the kernel's queue for write_timeout_ms  reset, slow reader
 *      FILE     bytes of a file are not in memory: PROTOCOL_LATER_MS                     asked for again
 *      SENT     another engine's zero-copy send is not taken: PROTOCOL_LATER_MS          looked at again; reset like WRITE
 *      LINGER   the client does not end after our last byte for linger_timeout_ms        closed
 *      SOON     on_input asked to be called again, for the first time: PROTOCOL_SOON_MS  called
 *      LATER    and did so again: PROTOCOL_LATER_MS                                      called
 *      REST     the rest of a request that has begun is due: PROTOCOL_REST_MS            called
 *      OPENING  the filter is not open for opening_timeout_ms                            closed
 *      IDLE     no request completed and no value moved for the idle time-out            closed
 *
 * A connection is watched for one thing at a time, in the list of that kind. All connections of a list wait equally
 * long, so adding at the end keeps it in order and only the head is ever looked at. Links are slot indices inside the
 * conns. Times are the worker's milliseconds; they wrap after 49 days and are compared by difference, so a time-out
 * must be below 24 days. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_TIMEOUTS_H
#define RIPOSTE_ENGINE_TIMEOUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "conn.h"

struct worker;

/* Looks at what the client has taken out of the kernel's queue, spread over the write time-out. */
enum { TIMEOUT_WRITE_LOOKS = 4 };

/* The connection has output that the client is to take: the write time-out replaces what was watched. */
void timeouts_watch_output(struct worker *worker, struct conn *conn);

/* Bytes of a file that are to be sent next are being fetched: the next attempt comes a moment later. */
void timeouts_watch_file(struct worker *worker, struct conn *conn);

/*
 * The oldest conn->sending_size bytes of its output are being sent by the kernel from where they are, for another engine: nothing is sent, and
 * they stay, until the client has taken them. A look each PROTOCOL_LATER_MS.
 */
void timeouts_watch_sent(struct worker *worker, struct conn *conn);

/* The connection has nothing to send: when somebody looks at it again although nothing has come. */
void timeouts_watch_quiet(struct worker *worker, struct conn *conn);

/* Our side is shut down: the client has so long to end its own. */
void timeouts_watch_linger(struct worker *worker, struct conn *conn);

/* It is watched for nothing any more, if it was. */
void timeouts_unwatch(struct worker *worker, struct conn *conn);

/* Its time had come and has not run out: one more look, as far away as the last. It is watched for nothing. */
void timeouts_watch_again(struct worker *worker, struct conn *conn, enum timeout_kind kind);

/* The list of a connection whose on_input wants to be called although nothing comes; TIMEOUT_NONE for any other. */
enum timeout_kind timeouts_kind(const struct conn *conn);

/* True when `time_ms` is not before `deadline_ms`. */
static inline bool timeout_passed(uint32_t time_ms, uint32_t deadline_ms) {
    return (int32_t)(time_ms - deadline_ms) >= 0;
}

/* --- the lists ------------------------------------------------------------------------------------------ */

struct timeout_list {
    uint32_t first; /* earliest deadline; CONN_NONE when empty */
    uint32_t last;
};

struct timeouts {
    struct timeout_list lists[TIMEOUT_KIND_COUNT]; /* TIMEOUT_NONE is never used */
};

void timeouts_init(struct timeouts *timeouts);

/* Puts a connection at the end of a list; it must be in none. */
void timeouts_add(struct timeouts *timeouts, struct conn_table *table, struct conn *conn,
                  enum timeout_kind kind, uint32_t deadline_ms);

/* Takes it out of its list, if it is in one. */
void timeouts_remove(struct timeouts *timeouts, struct conn_table *table, struct conn *conn);

/* The first connection of a list whose deadline has come; NULL when there is none. */
struct conn *timeouts_due(const struct timeouts *timeouts, const struct conn_table *table,
                          enum timeout_kind kind, uint32_t now_ms);

/* Milliseconds until the next deadline of any list, at least 1; UINT32_MAX when all are empty. */
uint32_t timeouts_next_ms(const struct timeouts *timeouts, const struct conn_table *table, uint32_t now_ms);

/* For how long the earliest deadline of any list has passed; 0 when none has. */
uint32_t timeouts_late_ms(const struct timeouts *timeouts, const struct conn_table *table, uint32_t now_ms);

#endif
