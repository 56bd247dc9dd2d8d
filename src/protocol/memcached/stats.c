/* SPDX-License-Identifier: MIT
 *
 * stats: see stats.h; the choice of the sub-command.
 */
#include "stats.h"

#include "command.h"
#include "tokens.h"

void stat_line(struct reply *reply, const char *name, struct bytes value) {
    reply_copy_string(reply, "STAT ");
    reply_copy_string(reply, name);
    reply_copy_string(reply, " ");
    reply_copy(reply, value);
    reply_copy_string(reply, "\r\n");
}

void stat_word(struct reply *reply, const char *name, const char *value) {
    stat_line(reply, name, bytes_from_string(value));
}

void stat_number(struct reply *reply, const char *name, uint64_t value) {
    char digits[BYTES_U64_DIGITS_MAX];
    stat_line(reply, name, bytes_of(digits, bytes_format_u64(digits, value)));
}

void stat_zeros(struct reply *reply, const char *const *names, size_t names_count) {
    for (size_t i = 0; i < names_count; i++) {
        stat_number(reply, names[i], 0);
    }
}

void stats_end(struct reply *reply) {
    reply_copy_string(reply, "END\r\n");
}

static void settings_line(void *target, const char *name, struct bytes value) {
    stat_line(target, name, value);
}

static void stats_settings(struct memcached_service *service, struct reply *reply) {
    const struct memcached_settings_writer *writer = &service->config.settings;
    if (writer->write != NULL) {
        writer->write(writer->user, settings_line, reply);
    }
    stats_end(reply);
}

static void stats_sizes(struct memcached_service *service, struct reply *reply) {
    (void)service;
    stat_word(reply, "sizes_status", "disabled");
    stats_end(reply);
}

static void stats_reset(struct memcached_service *service, struct reply *reply) {
    service_totals_reset(service);
    reply_copy_string(reply, "RESET\r\n");
}

static const struct {
    const char *name;
    void (*write)(struct memcached_service *service, struct reply *reply);
} stats_commands[] = {
    {"", stats_general},    {"settings", stats_settings}, {"riposte", stats_riposte},
    {"sizes", stats_sizes}, {"reset", stats_reset},
};

void mc_stats(struct mc_call *call, const struct mc_request *request) {
    struct bytes arguments = request->arguments;
    struct bytes name = tokens_next(&arguments);
    call->requests++;
    for (size_t i = 0; i < sizeof(stats_commands) / sizeof(stats_commands[0]); i++) {
        if (bytes_equal_string(name, stats_commands[i].name)) {
            stats_commands[i].write(call->worker->service, call->reply);
            return;
        }
    }
    call_fail(call, false, MC_ERROR_UNKNOWN);
}
