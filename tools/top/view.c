/* SPDX-License-Identifier: MIT
 *
 * view: differences, sums and orders. See view.h.
 */
#include "view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const view_sort_names[] = {[VIEW_BY_RATE] = "rate",
                                       [VIEW_BY_NAME] = "name",
                                       [VIEW_BY_MISSES] = "misses",
                                       [VIEW_BY_LATENCY] = "latency"};

enum { NS_PER_S = 1000000000, PERCENT = 100 };

double view_hit_percent(double hits_per_s, double misses_per_s) {
    double sum = hits_per_s + misses_per_s;
    return sum > 0 ? PERCENT * hits_per_s / sum : -1;
}

/* --- one server -------------------------------------------------------------------------------------------
 */

/* A count that is smaller than before is one of a server that was started again: nothing is known yet. */
static double rate(const struct view_pair *pair, uint64_t before, uint64_t now) {
    bool known = pair->before->answered && pair->now->answered && now >= before &&
                 pair->now->time_ns > pair->before->time_ns && pair->now->uptime_s >= pair->before->uptime_s;
    return known ? (double)(now - before) * NS_PER_S / (double)(pair->now->time_ns - pair->before->time_ns)
                 : 0;
}

#define RATE(pair, field) rate((pair), (pair)->before->field, (pair)->now->field)

static void command_add(struct view *view, struct view_server *server, const struct view_pair *pair,
                        unsigned index) {
    const struct sample_requests *now = &pair->now->commands[index];
    struct view_command *command = &view->commands[index];
    double hits = RATE(pair, commands[index].hits), misses = RATE(pair, commands[index].misses);
    double requests = RATE(pair, commands[index].count);
    command->has_hits |= now->has_hits;
    command->total += now->count;
    command->per_s += requests;
    command->hits_per_s += hits;
    command->misses_per_s += misses;
    command->p50_ns = now->p50_ns > command->p50_ns ? now->p50_ns : command->p50_ns;
    command->p99_ns = now->p99_ns > command->p99_ns ? now->p99_ns : command->p99_ns;
    command->p999_ns = now->p999_ns > command->p999_ns ? now->p999_ns : command->p999_ns;
    server->requests_per_s += requests;
    if (index == SAMPLE_GET) {
        server->hits_per_s = hits;
        server->misses_per_s = misses;
        server->p99_ns = now->p99_ns;
    }
}

static void workers_add(struct view *view, const struct view_pair *pair) {
    for (unsigned i = 0; i < pair->now->workers_count; i++) {
        double requests = RATE(pair, worker_requests[i]);
        bool first = view->workers_count == 0;
        view->worker_least_per_s =
            first || requests < view->worker_least_per_s ? requests : view->worker_least_per_s;
        view->worker_most_per_s =
            first || requests > view->worker_most_per_s ? requests : view->worker_most_per_s;
        view->workers_count++;
    }
}

static void levels_add(struct view *view, const struct sample *now) {
    view->answered_count++;
    view->connections += now->connections;
    view->connections_max += now->connections_max;
    view->items += now->items;
    view->memory_max += now->memory_max;
    view->threads += now->threads;
    for (unsigned i = 0; i < SAMPLE_MEMORY_COUNT; i++) {
        view->memory[i] += now->memory[i];
    }
}

static void rates_sum(struct view_server *all, const struct view_server *server) {
    all->requests_per_s += server->requests_per_s;
    all->hits_per_s += server->hits_per_s;
    all->misses_per_s += server->misses_per_s;
    all->read_per_s += server->read_per_s;
    all->written_per_s += server->written_per_s;
    all->evictions_per_s += server->evictions_per_s;
    all->reclaimed_per_s += server->reclaimed_per_s;
    all->yields_per_s += server->yields_per_s;
    all->accepts_per_s += server->accepts_per_s;
    all->p99_ns = server->p99_ns > all->p99_ns ? server->p99_ns : all->p99_ns;
}

static void server_add(struct view *view, const struct view_pair *pair) {
    struct view_server *server = &view->servers[view->servers_count++];
    snprintf(server->address, sizeof(server->address), "%s", pair->address);
    server->now = pair->now;
    if (!pair->now->answered) {
        return;
    }
    for (unsigned i = 0; i < SAMPLE_COMMANDS_COUNT; i++) {
        command_add(view, server, pair, i);
    }
    server->read_per_s = RATE(pair, bytes_read);
    server->written_per_s = RATE(pair, bytes_written);
    server->evictions_per_s = RATE(pair, evictions);
    server->reclaimed_per_s = RATE(pair, reclaimed);
    server->yields_per_s = RATE(pair, yields);
    server->accepts_per_s = RATE(pair, connections_total);
    workers_add(view, pair);
    levels_add(view, pair->now);
    rates_sum(&view->all, server);
}

/* --- orders -----------------------------------------------------------------------------------------------
 */

/* Larger first. */
static int falling(double left, double right) {
    return left < right ? 1 : left > right ? -1 : 0;
}

/* qsort_r(3) hands the order wanted through. */
static int command_compare(const void *one, const void *other, void *sort) {
    const struct view_command *left = one, *right = other;
    int order = 0;
    switch (*(enum view_sort *)sort) {
    case VIEW_BY_NAME:
        return strcmp(sample_command_names[left->command], sample_command_names[right->command]);
    case VIEW_BY_MISSES:
        order = falling(left->misses_per_s, right->misses_per_s);
        break;
    case VIEW_BY_LATENCY:
        order = falling((double)left->p99_ns, (double)right->p99_ns);
        break;
    case VIEW_BY_RATE:
    case VIEW_SORTS_COUNT:
        order = falling(left->per_s, right->per_s);
        break;
    }
    order = order != 0 ? order : falling((double)left->total, (double)right->total);
    return order != 0 ? order : (int)left->command - (int)right->command;
}

static int server_compare(const void *one, const void *other, void *sort) {
    const struct view_server *left = one, *right = other;
    int order = 0;
    switch (*(enum view_sort *)sort) {
    case VIEW_BY_NAME:
        break;
    case VIEW_BY_MISSES:
        order = falling(left->misses_per_s, right->misses_per_s);
        break;
    case VIEW_BY_LATENCY:
        order = falling((double)left->p99_ns, (double)right->p99_ns);
        break;
    case VIEW_BY_RATE:
    case VIEW_SORTS_COUNT:
        order = falling(left->requests_per_s, right->requests_per_s);
        break;
    }
    return order != 0 ? order : strcmp(left->address, right->address);
}

static int key_compare(const void *one, const void *other, void *sort) {
    const struct sample_key *left = one, *right = other;
    bool by_name = *(enum view_sort *)sort == VIEW_BY_NAME;
    int order = falling((double)(left->gets_per_s + left->sets_per_s),
                        (double)(right->gets_per_s + right->sets_per_s));
    return by_name || order == 0 ? strcmp(left->text, right->text) : order;
}

/* The busiest of all servers. */
static void keys_collect(struct view *view, const struct view_pair *pairs, unsigned pairs_count,
                         enum view_sort sort) {
    struct sample_key keys[VIEW_SERVERS_MAX * SAMPLE_KEYS_MAX];
    unsigned count = 0;
    enum view_sort by_rate = VIEW_BY_RATE;
    for (unsigned i = 0; i < pairs_count; i++) {
        unsigned keys_count = pairs[i].now->answered ? pairs[i].now->keys_count : 0;
        memcpy(keys + count, pairs[i].now->keys, keys_count * sizeof(keys[0]));
        count += keys_count;
    }
    qsort_r(keys, count, sizeof(keys[0]), key_compare, &by_rate);
    view->keys_count = count < SAMPLE_KEYS_MAX ? count : SAMPLE_KEYS_MAX;
    memcpy(view->keys, keys, view->keys_count * sizeof(keys[0]));
    qsort_r(view->keys, view->keys_count, sizeof(keys[0]), key_compare, &sort);
}

void view_make(struct view *view, const struct view_pair *pairs, unsigned pairs_count, enum view_sort sort) {
    memset(view, 0, sizeof(*view));
    for (unsigned i = 0; i < SAMPLE_COMMANDS_COUNT; i++) {
        view->commands[i].command = (enum sample_command)i;
    }
    for (unsigned i = 0; i < pairs_count; i++) {
        server_add(view, &pairs[i]);
    }
    qsort_r(view->commands, SAMPLE_COMMANDS_COUNT, sizeof(view->commands[0]), command_compare, &sort);
    qsort_r(view->servers, view->servers_count, sizeof(view->servers[0]), server_compare, &sort);
    keys_collect(view, pairs, pairs_count, sort);
}
