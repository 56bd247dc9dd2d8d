/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sysexits.h>

#include "metrics.h"
#include "riposte/http.h"
#include "riposte/memcached.h"
#include "server.h"

enum { MS_PER_S = 1000 };

static bool is_wanted(const struct server *server) {
    return server->options.http.count > 0;
}

/* -Y is a promise that nobody unknown gets at the items. */
static bool flags_fit(const struct server *server, struct failure *failure) {
    const struct options *options = &server->options;
    if (options->auth_file != NULL && options->http_token_file == NULL) {
        return failure_set(failure, EX_USAGE,
                           "-Y asks clients for a password and --http would let them in without; give "
                           "--http-token-file, too");
    }
    if (options->http_cors != NULL && strlen(options->http_cors) > HTTP_CORS_SIZE_MAX) {
        return failure_set(failure, EX_USAGE, "--http-cors: an origin has at most %d bytes",
                           HTTP_CORS_SIZE_MAX);
    }
    return true;
}

bool http_create_service(struct server *server, struct failure *failure) {
    const struct options *options = &server->options;
    if (!is_wanted(server)) {
        return true;
    }
    if (!flags_fit(server, failure)) {
        return false;
    }
    const struct http_config config = {
        .store = server->shared.store,
        .item_size_max = options->max_item_size,
        .cas_enabled = options->cas,
        .readonly = options->http_readonly,
        .cors_origin = options->http_cors,
        .timeout_ms = options->http_timeout * MS_PER_S,
        .workers_max = options->threads,
        .sources = {metrics_of_server(server), memcached_service_metrics(server->shared.service)},
        .sources_count = 2,
    };
    int status = http_service_create(&config, &server->shared.http);
    if (status < 0) {
        return failure_set(failure, EX_OSERR, "the HTTP service cannot be made: %s", strerror(-status));
    }
    return true;
}

void http_destroy_service(struct server *server) {
    http_service_destroy(server->shared.http);
}

void http_drain(struct server *server) {
    if (is_wanted(server)) {
        http_service_drain(server->shared.http);
    }
}

bool http_load_token(struct server *server, struct failure *failure) {
    char message[FAILURE_TEXT_SIZE_MAX];
    const char *path = server->options.http_token_file;
    if (path == NULL || !is_wanted(server)) {
        return true;
    }
    int status = http_service_token_load(server->shared.http, path, message, sizeof(message));
    return status == 0 ||
           failure_set(failure, status == -EINVAL ? EX_USAGE : EX_OSERR, "--http-token-file %s", message);
}

void http_limits(const struct server *server, struct engine_limits *limits) {
    limits->connections_max = server->options.http_conn_limit;
    limits->input_size_max = HTTP_INPUT_SIZE_MAX;
    limits->idle_timeout_ms = server->options.http_timeout * MS_PER_S;
}

/* Bound to an address that other machines cannot reach; a Unix socket is none that a browser could. */
static bool is_loopback(const struct sockaddr_storage *address) {
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    }
    return false;
}

void http_listen_fill(const struct listen *listen, const struct engine_limits *limits,
                      struct engine_listen *engine_listen) {
    engine_listen->protocol = &http_protocol;
    engine_listen->limits = limits;
    engine_listen->context_of =
        is_loopback(&listen->address) ? worker_http_loopback_context : worker_http_context;
}
