/* SPDX-License-Identifier: MIT
 *
 * stats: chooses the sub-command and answers the short ones.
 */
#include "stats.h"

#include "conns.h"
#include "prefixes.h"
#include "tokens.h"

static void settings_line(void *target, const char *name, struct bytes value) {
    stat_line(target, name, value);
}

static void stats_settings(struct mc_call *call, struct bytes arguments) {
    const struct memcached_settings_writer *writer = &call->worker->service->config.settings;
    (void)arguments;
    if (writer->write != NULL) {
        writer->write(writer->user, service_memory_limit(call->worker->service), settings_line, call->reply);
    }
    stats_end(call->reply);
}

static void stats_sizes(struct mc_call *call, struct bytes arguments) {
    (void)arguments;
    stat_word(call->reply, "sizes_status", "disabled");
    stats_end(call->reply);
}

static void stats_reset(struct mc_call *call, struct bytes arguments) {
    (void)arguments;
    counters_reset(call->worker->service);
    prefixes_reset(call->worker->service);
    reply_copy_string(call->reply, "RESET\r\n");
}

static void detail_switch(struct mc_call *call, bool enabled) {
    _Atomic unsigned *observed = &call->worker->service->observed;
    /* relaxed: a few requests more or less at the edges do not matter. */
    if (enabled) {
        atomic_fetch_or_explicit(observed, OBSERVE_PREFIXES, memory_order_relaxed);
    } else {
        atomic_fetch_and_explicit(observed, ~(unsigned)OBSERVE_PREFIXES, memory_order_relaxed);
    }
    call->observed = service_observed(call->worker->service); /* for the rest of this pipeline */
    reply_copy_string(call->reply, "OK\r\n");
}

static void stats_detail(struct mc_call *call, struct bytes arguments) {
    struct bytes what = tokens_next(&arguments);
    if (!call->worker->service->config.dump_enabled) {
        call_answer(call, false, CALL_LINE("CLIENT_ERROR stats detail not allowed"));
    } else if (bytes_equal_string(what, "on") || bytes_equal_string(what, "off")) {
        detail_switch(call, bytes_equal_string(what, "on"));
    } else if (bytes_equal_string(what, "dump")) {
        prefixes_dump_begin(call);
    } else {
        call_answer(call, false, CALL_LINE("CLIENT_ERROR usage: stats detail on|off|dump"));
    }
}

static void stats_conns(struct mc_call *call, struct bytes arguments) {
    (void)arguments;
    conns_begin(call);
}

static const struct {
    const char *name;
    void (*write)(struct mc_call *call, struct bytes arguments);
} stats_commands[] = {
    {"", stats_general},      {"settings", stats_settings},   {"items", stats_items},
    {"slabs", stats_slabs},   {"sizes", stats_sizes},         {"reset", stats_reset},
    {"detail", stats_detail}, {"cachedump", stats_cachedump}, {"riposte", stats_riposte},
    {"conns", stats_conns},   {"hotkeys", stats_hotkeys},     {"latency", stats_latency},
    {"slow", stats_slow},
};

void cmd_stats(struct mc_call *call, const struct mc_request *request) {
    struct bytes arguments = request->arguments;
    struct bytes name = tokens_next(&arguments);
    call->work += PROTOCOL_WORK_COSTLY; /* hundreds of lines, sums over all workers */
    for (size_t i = 0; i < sizeof(stats_commands) / sizeof(stats_commands[0]); i++) {
        if (bytes_equal_string(name, stats_commands[i].name)) {
            stats_commands[i].write(call, arguments);
            call->requests += call->session->state == MC_SESSION_LINE;
            return;
        }
    }
    call_fail(call, false, MC_ERROR_UNKNOWN);
    call->requests++;
}
