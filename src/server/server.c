/* SPDX-License-Identifier: MIT
 *
 * server: the service's parts and how they are wired. See server.h.
 */
#include "server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "address.h"
#include "http.h"
#include "port_file.h"
#include "riposte/log.h"
#include "riposte/memcached.h"
#include "riposte/random.h"
#include "riposte/store.h"
#include "settings.h"
#include "signals.h"
#include "start_line.h"

/* -o hashpower=N is memcached's 2^N buckets of one item each; a bucket of the store holds 2^3. */
enum { BUCKET_ITEMS_POWER = 3, STORE_INDEX_POWER_MIN = 6, MS_PER_S = 1000 };

bool server_find_addresses(struct server *server, struct failure *failure) {
    return listen_list_make(&server->listens, &server->options, failure);
}

/* --- the engine -------------------------------------------------------------------------------------------
 */

static void listens_fill(const struct server *server, const struct engine_limits *limits,
                         struct engine_listen *listens) {
    for (unsigned i = 0; i < server->listens.count; i++) {
        const struct listen *listen = &server->listens.listens[i];
        listens[i] = (struct engine_listen){
            .protocol = &memcached_protocol,
            .context_of = worker_memcached_context,
            .address = listen->address,
            .address_size = listen->address_size,
            .unix_mode = server->options.unix_mask,
        };
        if (listen->protocol == LISTEN_HTTP) {
            http_listen_fill(listen, limits, &listens[i]);
        }
    }
}

static void config_fill(struct server *server, struct engine_config *config) {
    const struct options *options = &server->options;
    engine_config_init(config);
    config->workers_count = options->threads;
    config->pin = options->pin;
    config->transport = (enum engine_transport)options->engine;
    config->send = (enum engine_send)options->send;
    config->send_zero_copy_size_min = (uint32_t)options->zero_copy_min;
    config->spin_us = options->spin_us;
    config->limits.connections_max = options->conn_limit;
    config->listen_backlog = options->listen_backlog;
    config->limits.requests_per_round_max = options->max_reqs_per_event;
    config->limits.output_size_max = (uint32_t)options->conn_output_limit;
    config->recv_buffer_size = options->recv_buffer_size;
    config->recv_buffer_count = options->recv_buffer_count;
    config->ring_entries = options->ring_entries;
    config->completion_entries = options->completion_entries;
    config->limits.idle_timeout_ms = options->idle_timeout * MS_PER_S;
    config->write_timeout_ms = options->write_timeout * MS_PER_S;
    config->drain_timeout_ms = options->drain_timeout * MS_PER_S;
    config->limits.reject_when_full = options->maxconns_fast;
    config->hooks = worker_hooks(&server->shared);
}

static bool engine_failed(const struct engine_error *error, struct failure *failure) {
    bool refused = error->error == -EPERM || error->error == -ENOSYS;
    int exit_status = error->usage ? EX_USAGE : refused ? EX_UNAVAILABLE : EX_OSERR;
    return failure_set(failure, exit_status, "%s", error->message);
}

/* What the engine has found out replaces what was left open: the number of workers, free ports. */
static void options_complete(struct server *server) {
    server->options.threads = engine_workers_count(server->engine);
    for (unsigned i = 0; i < server->listens.count; i++) {
        uint16_t port = engine_port(server->engine, i);
        if (port != 0) {
            address_set_port(&server->listens.listens[i].address, port);
        }
        if (port != 0 && server->options.port == -1 &&
            server->listens.listens[i].protocol == LISTEN_MEMCACHED) {
            server->options.port = port;
        }
    }
}

bool server_open_engine(struct server *server, struct failure *failure) {
    struct engine_listen listens[ENGINE_LISTENS_MAX];
    struct engine_config config;
    struct engine_error error;
    config_fill(server, &config);
    struct engine_limits http = config.limits;
    http_limits(server, &http);
    listens_fill(server, &http, listens);
    config.listens = listens;
    config.listens_count = server->listens.count;
    if (engine_create(&config, &server->engine, &error) < 0) {
        return engine_failed(&error, failure);
    }
    options_complete(server);
    return true;
}

void server_close_engine(struct server *server) {
    engine_destroy(server->engine);
}

bool server_write_port_file(struct server *server, struct failure *failure) {
    return port_file_write(getenv("MEMCACHED_PORT_FILENAME"), &server->listens, failure);
}

/* --- the store --------------------------------------------------------------------------------------------
 */

/* What is left of -m for the store once the engine has its buffers. */
static bool store_size_find(struct server *server, struct failure *failure) {
    size_t fixed_size = engine_fixed_memory_size(server->engine);
    uint64_t limit = server->options.memory_limit;
    if (limit < fixed_size + STORE_MEMORY_SIZE_MIN) {
        return failure_set(failure, EX_USAGE,
                           "-m %" PRIu64 "k is too little: the buffers of %" PRIu32
                           " workers take %zuk, items at least %zuk; raise -m or lower -t",
                           limit / UNITS_KIB, server->options.threads, fixed_size / UNITS_KIB,
                           (size_t)(STORE_MEMORY_SIZE_MIN / UNITS_KIB));
    }
    server->store_size = (size_t)limit - fixed_size;
    if (server->options.max_item_size > server->store_size / 2) {
        log_line(LOG_LEVEL_WARNING,
                 "-I is lowered to %zu bytes, half of what -m leaves beside %zuk of buffers",
                 server->store_size / 2, fixed_size / UNITS_KIB);
        server->options.max_item_size = server->store_size / 2;
    }
    return true;
}

/*
 * As store_create; a first index for which -m has no room is made smaller, because it would grow to what is
 * needed anyway.
 */
static int store_create_fitting(struct server *server, struct store_config *config) {
    int status = store_create(config, &server->shared.store);
    while (status == -EINVAL && config->index_power_min > STORE_INDEX_POWER_MIN) {
        config->index_power_min--;
        status = store_create(config, &server->shared.store);
    }
    return status;
}

bool server_create_store(struct server *server, struct failure *failure) {
    struct options *options = &server->options;
    if (!store_size_find(server, failure)) {
        return false;
    }
    struct store_config config = {
        .memory_size_max = server->store_size,
        .item_size_max = options->max_item_size,
        .evict = options->evictions,
        .workers_max = options->threads,
        .hash_seed = random_seed(),
        .index_power_min = options->hashpower - BUCKET_ITEMS_POWER,
    };
    int status = store_create_fitting(server, &config);
    if (status < 0) {
        return failure_set(failure, EX_OSERR, "the store cannot be made: %s", strerror(-status));
    }
    uint32_t hashpower = config.index_power_min + BUCKET_ITEMS_POWER;
    if (hashpower < options->hashpower) {
        log_line(LOG_LEVEL_WARNING,
                 "-o hashpower=%" PRIu32 " is lowered to %" PRIu32 ": -m has no room for more",
                 options->hashpower, hashpower);
        options->hashpower = hashpower;
    }
    return true;
}

void server_destroy_store(struct server *server) {
    store_destroy(server->shared.store);
}

/* --- the protocol -----------------------------------------------------------------------------------------
 */

/* The command shutdown takes the same path as a signal from outside. */
static void stop_requested(void *user, bool graceful) {
    (void)user;
    signals_request_stop(graceful);
}

bool server_create_service(struct server *server, struct failure *failure) {
    struct options *options = &server->options;
    struct memcached_config config = {
        .store = server->shared.store,
        .item_size_max = options->max_item_size,
        .cas_enabled = options->cas,
        .flush_enabled = options->flush_all,
        .dump_enabled = options->dumping,
        .watch_enabled = options->watch,
        .shutdown_enabled = options->enable_shutdown,
#ifdef RIPOSTE_DEBUG_COMMANDS
        .debug_commands = true,
#endif
        .prefix_delimiter = options->stat_key_prefix,
        .detail_enabled = options->given[OPTION_INDEX_stat_key_prefix],
        .connections_max = options->conn_limit,
        .workers_max = options->threads,
        .settings = {.write = settings_write, .user = options},
        .maxconns_fast = options->maxconns_fast,
        .slab_reassign = options->slab_reassign,
        .lru_crawler = options->lru_crawler,
        .lru_maintainer = options->lru_maintainer,
        .idle_timeout = options->idle_timeout > 0,
        .stop = stop_requested,
    };
    int status = memcached_service_create(&config, &server->shared.service);
    if (status < 0) {
        return failure_set(failure, EX_OSERR, "the protocol cannot be made: %s", strerror(-status));
    }
    memcached_service_set_engine(server->shared.service, server->engine);
    return true;
}

/* -Y */
bool server_load_passwords(struct server *server, struct failure *failure) {
    char message[FAILURE_TEXT_SIZE_MAX];
    const char *path = server->options.auth_file;
    if (path == NULL) {
        return true;
    }
    int status = memcached_service_auth_load(server->shared.service, path, message, sizeof(message));
    int exit_status = status == -EINVAL ? EX_USAGE : EX_OSERR;
    return status == 0 || failure_set(failure, exit_status, "-Y %s", message);
}

void server_destroy_service(struct server *server) {
    memcached_service_destroy(server->shared.service);
}

/* --- serving ----------------------------------------------------------------------------------------------
 */

bool server_start_workers(struct server *server, struct failure *failure) {
    struct engine_error error;
    return engine_start(server->engine, &error) == 0 || engine_failed(&error, failure);
}

void server_stop_workers(struct server *server) {
    http_drain(server);
    engine_stop(server->engine, ENGINE_STOP_CLOSE);
    engine_join(server->engine);
}

bool server_announce(struct server *server, struct failure *failure) {
    (void)failure; /* cannot fail */
    start_warnings_log(server);
    start_line_log(server);
    return true;
}

/* SIGHUP: a file that cannot be used leaves what was in force. */
static void file_reload(struct server *server, const char *path,
                        bool (*load)(struct server *server, struct failure *failure)) {
    struct failure failure = {0};
    if (load(server, &failure)) {
        log_line(LOG_LEVEL_INFO, "SIGHUP: %s is read again", path);
    } else {
        log_line(LOG_LEVEL_WARNING, "SIGHUP: %s; what it said before stays", failure.text);
    }
}

static void server_reload(struct server *server) {
    const struct options *options = &server->options;
    if (options->auth_file == NULL && options->http_token_file == NULL) {
        log_line(LOG_LEVEL_INFO, "SIGHUP: there is nothing to read again");
    }
    if (options->auth_file != NULL) {
        file_reload(server, options->auth_file, server_load_passwords);
    }
    if (options->http_token_file != NULL) {
        file_reload(server, options->http_token_file, http_load_token);
    }
}

void server_wait(struct server *server) {
    while (signals_wait() == SIGNALS_RELOAD) {
        server_reload(server);
    }
    log_line(LOG_LEVEL_INFO, "stopping");
    signals_exit_on_next_stop();
}
