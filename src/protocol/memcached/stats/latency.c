/* SPDX-License-Identifier: MIT
 *
 * latency: `stats latency`, how long requests of each command take (riposte/latency.h), and `stats slow`, the last
 * that took long (riposte/slow_log.h), the newest first. Extensions, both.
 *
 *      STAT latency:get:count 1041        of commands that were met; since the start
 *      STAT latency:get:p50_us 5.4
 *      STAT latency:get:p99_us 11.0
 *      STAT latency:get:p99.9_us 34.8
 *      STAT latency:get:max_us 51.2
 *
 *      STAT slow:1:time 1764288000.123    Unix time of the answer
 *      STAT slow:1:command set
 *      STAT slow:1:key user%3A42          written as in a metadump
 *      STAT slow:1:size 1048640           bytes of request and answer
 *      STAT slow:1:us 412                 since the request's bytes came
 *      STAT slow:1:own_us 398             of these, since the request before it was answered
 *      STAT slow:1:connection 17          its descriptor, as in `stats conns`
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "line.h"
#include "riposte/slow_log.h"
#include "stats.h"

enum { NAME_SIZE_MAX = 48, VALUE_SIZE_MAX = 48, ESCAPED_SIZE_MAX = 3 * SLOW_LOG_KEY_SIZE_MAX };

static void duration_line(struct reply *reply, const char *command, const char *what, uint64_t ns) {
    char name[NAME_SIZE_MAX], value[VALUE_SIZE_MAX];
    snprintf(name, sizeof(name), "latency:%s:%s_us", command, what);
    snprintf(value, sizeof(value), "%" PRIu64 ".%" PRIu64, ns / 1000, ns / 100 % 10);
    stat_word(reply, name, value);
}

static void command_lines(struct reply *reply, const char *command, const struct latency_summary *summary) {
    char name[NAME_SIZE_MAX];
    snprintf(name, sizeof(name), "latency:%s:count", command);
    stat_number(reply, name, summary->count);
    duration_line(reply, command, "p50", latency_percentile_ns(summary, 500000));
    duration_line(reply, command, "p99", latency_percentile_ns(summary, 990000));
    duration_line(reply, command, "p99.9", latency_percentile_ns(summary, 999000));
    duration_line(reply, command, "max", summary->max_ns);
}

void stats_latency(struct mc_call *call, struct bytes arguments) {
    const struct latency *latency = call->worker->service->config.latency;
    struct latency_summary summary;
    (void)arguments;
    if (latency == NULL) {
        call_answer(call, false, CALL_LINE("CLIENT_ERROR stats latency not allowed"));
        return;
    }
    for (unsigned command = 0; command < LATENCY_COMMANDS_COUNT; command++) {
        latency_read(latency, (enum latency_command)command, &summary);
        if (summary.count > 0) {
            command_lines(call->reply, latency_command_name((enum latency_command)command), &summary);
        }
    }
    stats_end(call->reply);
}

static const char *slow_name(char name[NAME_SIZE_MAX], unsigned number, const char *what) {
    snprintf(name, NAME_SIZE_MAX, "slow:%u:%s", number, what);
    return name;
}

static void slow_lines(struct reply *reply, unsigned number, const struct slow_request *request) {
    char name[NAME_SIZE_MAX], value[VALUE_SIZE_MAX], escaped[ESCAPED_SIZE_MAX];
    size_t size = (size_t)(line_escaped(escaped, bytes_of(request->key, request->key_size)) - escaped);
    snprintf(value, sizeof(value), "%" PRIu64 ".%03u", request->unix_ms / 1000,
             (unsigned)(request->unix_ms % 1000));
    stat_word(reply, slow_name(name, number, "time"), value);
    stat_line(reply, slow_name(name, number, "command"), bytes_of(request->command, request->command_size));
    stat_line(reply, slow_name(name, number, "key"), bytes_of(escaped, size));
    stat_number(reply, slow_name(name, number, "size"), request->size);
    stat_number(reply, slow_name(name, number, "us"), request->us);
    stat_number(reply, slow_name(name, number, "own_us"), request->own_us);
    snprintf(value, sizeof(value), "%d", request->connection);
    stat_word(reply, slow_name(name, number, "connection"), value);
}

void stats_slow(struct mc_call *call, struct bytes arguments) {
    const struct memcached_config *config = &call->worker->service->config;
    (void)arguments;
    if (config->slow_log == NULL || !config->dump_enabled) {
        call_answer(call, false, CALL_LINE("CLIENT_ERROR stats slow not allowed"));
        return;
    }
    struct slow_request *rows = malloc(SLOW_LOG_ROWS_COUNT * sizeof(*rows));
    if (rows == NULL) {
        call_fail(call, false, MC_ERROR_NO_MEMORY_STATS);
        return;
    }
    unsigned count = slow_log_read(config->slow_log, rows);
    for (unsigned i = 0; i < count; i++) {
        slow_lines(call->reply, i + 1, &rows[i]);
    }
    free(rows);
    stats_end(call->reply);
}
