/* SPDX-License-Identifier: MIT
 *
 * counters: what the commands of one worker counted, and the sums of all.
 *
 * Declared once as a table. A worker's set is written by that worker only (riposte/counter.h) and read by
 * whoever sums.
 */
#ifndef MEMCACHED_COUNTERS_H
#define MEMCACHED_COUNTERS_H

#include "riposte/counter.h"
#include "riposte/engine.h"
#include "riposte/store.h"

struct memcached_service;

/* X(name, help) */
#define MC_COUNTERS(X)                                                                                       \
    X(get_hits, "keys of get and gets that were found")                                                      \
    X(get_misses, "keys of get and gets that were not found")                                                \
    X(touch_hits, "touch, and keys of gat and gats, that found their item")                                  \
    X(touch_misses, "touch, and keys of gat and gats, that found nothing")                                   \
    X(cmd_set, "storage commands whose item was allocated, stored or not")                                   \
    X(cmd_flush, "flush_all, refused ones too")                                                              \
    X(cmd_meta, "the command me")                                                                            \
    X(delete_hits, "deletes that found their item")                                                          \
    X(delete_misses, "deletes that found nothing")                                                           \
    X(incr_hits, "incr that found a number")                                                                 \
    X(incr_misses, "incr that found nothing")                                                                \
    X(decr_hits, "decr that found a number")                                                                 \
    X(decr_misses, "decr that found nothing")                                                                \
    X(cas_hits, "cas that stored")                                                                           \
    X(cas_badval, "cas whose item had changed")                                                              \
    X(cas_misses, "cas that found nothing")                                                                  \
    X(auth_cmds, "attempts to authenticate")                                                                 \
    X(auth_errors, "attempts to authenticate that failed")                                                   \
    X(closed_line_too_long, "connections closed because a command line had no end")                          \
    X(closed_tls, "connections closed because they began as TLS does, where it is not spoken")               \
    X(closed_binary, "connections closed because they began with the binary protocol's first byte")          \
    X(closed_http, "connections closed because they spoke HTTP")                                             \
    X(closed_unauthenticated, "connections closed because they sent something else than name and password")  \
    X(closed_slow_writer, "connections closed because a value came too slowly (--min-rate)")                 \
    X(log_written, "lines written for watchers")                                                             \
    X(log_sent, "lines given to watchers, counted once for each of them")                                    \
    X(log_skipped, "lines lost for a watcher that had no room, counted once for each of them")               \
    X(prefixes_left_out,                                                                                     \
      "gets, sets and deletes not counted by prefix because there was no room for another one")              \
    X(values_in_pieces, "values that came in more than one piece")                                           \
    X(values_waited, "times that values waited for room because connections held too much (--conn-memory)")  \
    X(values_refused, "values refused because connections held too much (--conn-memory)")                    \
    X(values_pinned, "values sent from the store's own memory")

struct mc_counters {
#define MC_COUNTER_FIELD(name, help) struct counter name;
    MC_COUNTERS(MC_COUNTER_FIELD)
#undef MC_COUNTER_FIELD
};

/* The same as plain numbers: sums, and the base that `stats reset` leaves. */
struct mc_counts {
#define MC_COUNT_FIELD(name, help) uint64_t name;
    MC_COUNTERS(MC_COUNT_FIELD)
#undef MC_COUNT_FIELD
};

/* Everything that `stats reset` sets back. */
struct mc_totals {
    struct mc_counts commands;
    struct engine_counters engine; /* sums; all zero without an engine */
    struct store_levels store;
};

/* Adds one worker's counters to a sum. */
void counters_add(struct mc_counts *counts, const struct mc_counters *counters);

/* Totals of all workers together, those that are gone too; levels as they are now. Any thread, as the next. */
void counters_since_start(struct memcached_service *service, struct mc_totals *totals);

/* The same since the last `stats reset`. */
void counters_since_reset(struct memcached_service *service, struct mc_totals *totals);

/* `stats reset`. */
void counters_reset(struct memcached_service *service);

#endif
