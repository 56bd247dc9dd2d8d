/* SPDX-License-Identifier: MIT
 *
 * metrics: the commands that clients of this protocol have sent, under the names of memcached's exporter; from the last
 * `stats reset` on.
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

static void write_rows(void *user, void (*row)(void *target, const struct metrics_row *row), void *target) {
    const struct rows rows = {row, target};
    struct mc_totals totals;
    service_totals_since_reset(user, &totals);
    const struct mc_counts *counts = &totals.commands;
    command_row(&rows, "get", "hit", counts->get_hits);
    command_row(&rows, "get", "miss", counts->get_misses);
    command_row(&rows, "set", "hit", counts->cmd_set);
    command_row(&rows, "delete", "hit", counts->delete_hits);
    command_row(&rows, "delete", "miss", counts->delete_misses);
    command_row(&rows, "incr", "hit", counts->incr_hits);
    command_row(&rows, "incr", "miss", counts->incr_misses);
    command_row(&rows, "decr", "hit", counts->decr_hits);
    command_row(&rows, "decr", "miss", counts->decr_misses);
    command_row(&rows, "touch", "hit", counts->touch_hits);
    command_row(&rows, "touch", "miss", counts->touch_misses);
    command_row(&rows, "cas", "hit", counts->cas_hits);
    command_row(&rows, "cas", "badval", counts->cas_badval);
    command_row(&rows, "cas", "miss", counts->cas_misses);
    command_row(&rows, "flush", "hit", counts->cmd_flush);
}

struct metrics_source memcached_service_metrics(struct memcached_service *service) {
    return (struct metrics_source){.write = write_rows, .user = service};
}
