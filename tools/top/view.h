/* SPDX-License-Identifier: MIT
 *
 * view: what is shown: rates between two samples of each server, and what all servers together do. Pure.
 */
#ifndef TOP_VIEW_H
#define TOP_VIEW_H

#include "sample.h"

enum { VIEW_SERVERS_MAX = 32, VIEW_ADDRESS_SIZE_MAX = 64 };

/* By what servers, commands and keys are sorted. */
enum view_sort { VIEW_BY_RATE, VIEW_BY_NAME, VIEW_BY_MISSES, VIEW_BY_LATENCY, VIEW_SORTS_COUNT };
extern const char *const view_sort_names[VIEW_SORTS_COUNT];

struct view_command {
    enum sample_command command;
    bool has_hits;
    uint64_t total; /* since the servers' start */
    double per_s, hits_per_s, misses_per_s;
    uint64_t p50_ns, p99_ns, p999_ns; /* the worst of all servers; 0: nobody says */
};

struct view_server {
    char address[VIEW_ADDRESS_SIZE_MAX];
    const struct sample *now; /* borrowed; answered or not */
    double requests_per_s, hits_per_s, misses_per_s, read_per_s, written_per_s;
    double evictions_per_s, reclaimed_per_s, yields_per_s, accepts_per_s;
    uint64_t p99_ns; /* of get */
};

struct view {
    struct view_server servers[VIEW_SERVERS_MAX]; /* sorted */
    unsigned servers_count, answered_count;
    struct view_server all; /* sums; `now` is NULL */
    uint64_t connections, connections_max, items, memory_max, threads;
    uint64_t memory[SAMPLE_MEMORY_COUNT];
    struct view_command commands[SAMPLE_COMMANDS_COUNT]; /* sorted */
    double worker_least_per_s, worker_most_per_s;        /* of those that are told of; 0 and 0: none */
    unsigned workers_count;
    struct sample_key keys[SAMPLE_KEYS_MAX]; /* sorted; the same key on two servers stands there twice */
    unsigned keys_count;
};

/* Two samples of one server; before->answered is false for the first: every rate is 0 then. */
struct view_pair {
    const char *address; /* as it was given */
    const struct sample *before, *now;
};

/* pairs_count is at most VIEW_SERVERS_MAX. */
void view_make(struct view *view, const struct view_pair *pairs, unsigned pairs_count, enum view_sort sort);

/* 0 to 100, or -1 where there was neither. */
double view_hit_percent(double hits_per_s, double misses_per_s);

#endif
