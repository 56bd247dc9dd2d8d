/* SPDX-License-Identifier: MIT
 *
 * trial: the steps of a start, each with its counterpart at once. See trial.h.
 */
#include "trial.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "memory_file.h"
#include "process.h"

/* --- the engine -------------------------------------------------------------------------------------------
 */

/* Nobody is told where the trial listens; who finds it all the same is not answered. */
static struct progress trial_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                      void *context) {
    (void)session;
    (void)reply;
    (void)context;
    return (struct progress){.consumed = input->bytes.size};
}

static const struct protocol trial_protocol = {.name = "trial", .on_input = trial_on_input};

/* A free port of this machine's own. */
static struct engine_listen listen_anywhere(void) {
    struct engine_listen listen = {.protocol = &trial_protocol, .address_size = sizeof(struct sockaddr_in)};
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memcpy(&listen.address, &loopback, sizeof(loopback));
    return listen;
}

/* The server's own configuration with that address. False: facts->reason says why there is no engine. */
static bool engine_make(struct server *server, struct facts *facts) {
    struct engine_listen listen = listen_anywhere();
    struct engine_config config;
    struct engine_error error;
    server_fill_config(server, &config);
    config.hooks = (struct engine_hooks){0};
    config.listens = &listen;
    config.listens_count = 1;
    if (engine_create(&config, &server->engine, &error) < 0) {
        snprintf(facts->reason, sizeof(facts->reason), "%s", error.message);
        return false;
    }
    server->options.threads = engine_workers_count(server->engine);
    facts->workers_count = server->options.threads;
    return true;
}

/* Not in the file of -e: its items are for a start. */
static void store_try(struct server *server, struct facts *facts) {
    struct failure failure = {0};
    server->options.memory_file = NULL;
    if (server_open_memory(server, &failure) && server_create_store(server, &failure)) {
        server_destroy_store(server);
    } else {
        snprintf(facts->store_reason, sizeof(facts->store_reason), "%s", failure.text);
    }
}

void trial_engine(struct server *server, struct facts *facts) {
    struct engine_error error;
    if (!engine_make(server, facts)) {
        return;
    }
    store_try(server, facts);
    if (engine_start(server->engine, &error) < 0) {
        snprintf(facts->reason, sizeof(facts->reason), "%s", error.message);
    } else {
        facts->engine_started = true;
        snprintf(facts->transport, sizeof(facts->transport), "%s", engine_transport_name(server->engine));
        snprintf(facts->features, sizeof(facts->features), "%s", engine_features(server->engine));
        snprintf(facts->reason, sizeof(facts->reason), "%s", engine_fallback_reason(server->engine));
        engine_stop(server->engine, ENGINE_STOP_CLOSE);
        engine_join(server->engine);
    }
    engine_destroy(server->engine);
    server->engine = NULL;
}

/* --- addresses, descriptors -------------------------------------------------------------------------------
 */

void trial_port(const struct server *server, const struct listen *listen, struct facts_port *port) {
    struct engine_listen engine_listen = {
        .protocol = &trial_protocol,
        .address = listen->address,
        .address_size = listen->address_size,
        .unix_mode = server->options.unix_mask,
    };
    struct engine_config config;
    struct engine_error error;
    struct engine *engine;
    engine_config_init(&config);
    config.transport = ENGINE_EPOLL;
    config.workers_count = 1;
    config.listens = &engine_listen;
    config.listens_count = 1;
    listen_text(listen, port->text);
    *port->reason = '\0';
    port->is_inherited = listen->is_inherited;
    if (listen->is_inherited) {
        return; /* it listens already */
    }
    if (engine_create(&config, &engine, &error) < 0) {
        snprintf(port->reason, sizeof(port->reason), "%s", error.message);
    } else {
        engine_destroy(engine);
    }
}

static void ports_try(const struct server *server, struct facts *facts) {
    for (unsigned i = 0; i < server->listens.count; i++) {
        trial_port(server, &server->listens.listens[i], &facts->ports[i]);
    }
    facts->ports_count = server->listens.count;
}

/* For this process, which ends soon. */
static void descriptors_try(struct server *server, struct facts *facts) {
    struct failure failure = {0};
    bool raised = process_raise_limits(server, &failure);
    facts->descriptors_limit = server->descriptors_limit;
    facts->descriptors_connections = raised ? server->options.conn_limit : 0;
    snprintf(facts->descriptors_reason, sizeof(facts->descriptors_reason), "%s", failure.text);
}

/* --- what the flags name ----------------------------------------------------------------------------------
 */

static void file_try(struct facts *facts, const char *flag, const char *path) {
    if (path == NULL) {
        return;
    }
    facts->files_count++;
    if (access(path, R_OK) < 0 && *facts->files_reason == '\0') {
        snprintf(facts->files_reason, sizeof(facts->files_reason), "%s %.256s cannot be read: %s", flag, path,
                 strerror(errno));
    }
}

static void user_try(struct facts *facts, const char *name) {
    if (name == NULL) {
        return;
    }
    facts->files_count++;
    if (getpwnam(name) == NULL && *facts->files_reason == '\0') {
        snprintf(facts->files_reason, sizeof(facts->files_reason),
                 "-u %.64s: there is no such user; useradd -r %.64s", name, name);
    }
}

static void memory_try(struct facts *facts, const char *path) {
    struct failure failure = {0};
    if (path == NULL) {
        return;
    }
    facts->files_count++;
    if (!memory_file_try(path, &failure) && *facts->files_reason == '\0') {
        snprintf(facts->files_reason, sizeof(facts->files_reason), "%s", failure.text);
    }
}

static void files_try(const struct options *options, struct facts *facts) {
    memory_try(facts, options->memory_file);
    user_try(facts, options->user);
    file_try(facts, "-Y", options->auth_file);
    file_try(facts, "--http-token-file", options->http_token_file);
    file_try(facts, "--http-root", options->http_root);
}

static void flags_copy(const struct options *options, struct facts_flags *flags) {
    *flags = (struct facts_flags){
        .transport = (enum engine_transport)options->engine,
        .threads = options->threads,
        .conn_limit = options->conn_limit,
        .conn_limit_given = options->given[OPTION_INDEX_conn_limit],
        .backlog = options->listen_backlog,
        .memory_limit = options->memory_limit,
        .conn_memory = options->conn_memory,
        .lock_memory = options->lock_memory,
        .sandbox = (enum sandbox_wanted)options->sandbox,
        .sandbox_is_tried = sandbox_wanted(options),
    };
}

static void sandbox_check(struct facts *facts) {
    if (facts->flags.sandbox_is_tried) {
        struct sandbox_trial trial = sandbox_try();
        facts->landlock_result = trial.landlock_result;
        facts->calls_result = trial.calls_result;
    }
}

/* Reads certificates and keys as a start would; nothing where no listen speaks TLS. */
static void encryption_try(const struct server *server, struct facts *facts) {
    struct failure failure = {0};
    struct encryption encryption;
    if (!encryption_open(&encryption, &server->options, &server->listens, NULL, &failure)) {
        snprintf(facts->tls_reason, sizeof(facts->tls_reason), "%s", failure.text);
    } else if (encryption.tls != NULL) {
        facts->has_tls = true;
        facts->certificate_days = encryption_days_left(&encryption);
        facts->slow_key_us = encryption_slow_key_us(&encryption);
    }
    encryption_close(&encryption);
}

void trial_run(struct server *server, struct facts *facts) {
    struct failure failure = {0};
    flags_copy(&server->options, &facts->flags);
    files_try(&server->options, facts);
    if (server_find_listens(server, &failure)) {
        ports_try(server, facts);
        encryption_try(server, facts);
    } else {
        snprintf(facts->listens_reason, sizeof(facts->listens_reason), "%s", failure.text);
    }
    descriptors_try(server, facts);
    sandbox_check(facts); /* forks: before the engine has threads */
    trial_engine(server, facts);
}
