/* SPDX-License-Identifier: MIT */
#include "start_line.h"

#include <inttypes.h>
#include <stdio.h>

#include "riposte/log.h"
#include "sysinfo.h"
#include "units.h"

enum { ADDRESSES_TEXT_SIZE_MAX = 512 };

void start_warnings_log(const struct server *server) {
    const char *reason = engine_fallback_reason(server->engine);
    uint32_t backlog = engine_listen_backlog(server->engine);
    uint32_t workers_count = server->options.threads;
    uint32_t quota_cpus = sysinfo_quota_cpus();
    if (reason[0] != '\0') {
        log_line(LOG_LEVEL_WARNING, "serving with epoll: %s", reason);
    }
    if (backlog < server->options.listen_backlog) {
        log_line(LOG_LEVEL_WARNING, "backlog %" PRIu32 " is cut to net.core.somaxconn=%" PRIu32,
                 server->options.listen_backlog, backlog);
    }
    /* Throttling by the control group looks like latency to clients. */
    if (quota_cpus > 0 && quota_cpus < workers_count) {
        log_line(LOG_LEVEL_WARNING,
                 "%" PRIu32 " workers on a quota of %" PRIu32 " CPUs; -t %" PRIu32 " is advised",
                 workers_count, quota_cpus, quota_cpus);
    }
}

/* "127.0.0.1:11211, unix:/run/riposte.sock"; what does not fit is counted. */
static void addresses_format(const struct listen_list *list, char text[ADDRESSES_TEXT_SIZE_MAX]) {
    size_t at = 0;
    for (unsigned i = 0; i < list->count; i++) {
        char address[LISTEN_TEXT_SIZE_MAX];
        if (at + LISTEN_TEXT_SIZE_MAX + sizeof(", and 64 more") > ADDRESSES_TEXT_SIZE_MAX) {
            snprintf(text + at, ADDRESSES_TEXT_SIZE_MAX - at, " and %u more", list->count - i);
            return;
        }
        listen_text(&list->listens[i], address);
        at += (size_t)snprintf(text + at, ADDRESSES_TEXT_SIZE_MAX - at, "%s%s", i == 0 ? "" : ", ", address);
    }
}

void start_line_log(const struct server *server) {
    const struct options *options = &server->options;
    const char *features = engine_features(server->engine);
    char addresses[ADDRESSES_TEXT_SIZE_MAX] = "";
    addresses_format(&server->listens, addresses);
    log_line(LOG_LEVEL_INFO,
             "version " RIPOSTE_VERSION " ready: %" PRIu32
             " worker%s on %s%s%s%s, memory %s, items up to %s, %" PRIu32 " connections (%" PRIu64
             " descriptors), backlog %" PRIu32 ", listening on %s",
             options->threads, options->threads == 1 ? "" : "s", engine_transport_name(server->engine),
             features[0] == '\0' ? "" : " (", features, features[0] == '\0' ? "" : ")",
             units_format_size(options->memory_limit).text, units_format_size(options->max_item_size).text,
             options->conn_limit, server->descriptors_limit, engine_listen_backlog(server->engine),
             addresses);
}
