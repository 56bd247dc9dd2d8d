/* SPDX-License-Identifier: MIT
 *
 * metrics: what the protocol has counted since start, for whoever writes it down: commands under the names of
 * memcached's exporter for Prometheus, and every counter of the table under its own. `stats reset` does not
 * touch them: a counter only grows.
 */
#include "riposte/metrics.h"

#include "service.h"

struct rows {
    void (*row)(void *target, const struct metrics_row *row);
    void *target;
};

static void command_row(const struct rows *rows, const char *command, const char *status, uint64_t count) {
    rows->row(rows->target, &(struct metrics_row){
                                .name = "memcached_commands_total",
                                .help = "commands by what became of them",
                                .labels = {{"command", command}, {"status", status}},
                                .kind = METRICS_COUNTER,
                                .value = (double)count,
                            });
}

static void command_rows(const struct rows *rows, const struct mc_counts *counts) {
    command_row(rows, "get", "hit", counts->get_hits);
    command_row(rows, "get", "miss", counts->get_misses);
    command_row(rows, "set", "hit", counts->cmd_set);
    command_row(rows, "delete", "hit", counts->delete_hits);
    command_row(rows, "delete", "miss", counts->delete_misses);
    command_row(rows, "incr", "hit", counts->incr_hits);
    command_row(rows, "incr", "miss", counts->incr_misses);
    command_row(rows, "decr", "hit", counts->decr_hits);
    command_row(rows, "decr", "miss", counts->decr_misses);
    command_row(rows, "touch", "hit", counts->touch_hits);
    command_row(rows, "touch", "miss", counts->touch_misses);
    command_row(rows, "cas", "hit", counts->cas_hits);
    command_row(rows, "cas", "badval", counts->cas_badval);
    command_row(rows, "cas", "miss", counts->cas_misses);
    command_row(rows, "flush", "hit", counts->cmd_flush);
}

static void counter_row(const struct rows *rows, const char *name, const char *help, uint64_t count) {
    rows->row(rows->target, &(struct metrics_row){
                                .name = name, .help = help, .kind = METRICS_COUNTER, .value = (double)count});
}

static void write_rows(void *user, void (*row)(void *target, const struct metrics_row *row), void *target) {
    struct memcached_service *service = user;
    const struct rows rows = {row, target};
    struct mc_totals totals;
    counters_since_start(service, &totals);
    command_rows(&rows, &totals.commands);
#define MC_COUNTER_ROW(name, help)                                                                           \
    counter_row(&rows, "riposte_memcached_" #name "_total", help, totals.commands.name);
    MC_COUNTERS(MC_COUNTER_ROW)
#undef MC_COUNTER_ROW
    row(target, &(struct metrics_row){.name = "riposte_memcached_watchers",
                                      .help = "connections that get log lines",
                                      .kind = METRICS_GAUGE,
                                      .value = watch_count(&service->watch)});
}

struct metrics_source memcached_service_metrics(struct memcached_service *service) {
    return (struct metrics_source){.write = write_rows, .user = service};
}
