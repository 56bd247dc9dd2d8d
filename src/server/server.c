/* SPDX-License-Identifier: MIT
 *
 * server: the service's parts and how they are wired. See server.h.
 */
#include "server.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "address.h"
#include "hand_over.h"
#include "metrics.h"
#include "riposte/clock.h"
#include "riposte/http.h"
#include "riposte/log.h"
#include "riposte/memcached.h"
#include "riposte/store.h"
#include "riposte/tls.h"
#include "sandbox/sandbox.h"
#include "signals.h"
#include "sysinfo.h"
#include "units.h"

enum { MS_PER_S = 1000, LISTENS_TEXT_SIZE_MAX = 512 };

/* The engine's buffers and rings take at most one of so many parts of -m. */
enum { BUFFERS_SHARE = 4 };

struct server *server_make(char **arguments, struct failure *failure) {
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        failure_write(failure, EX_OSERR, "there is no memory to start with; " FAILURE_MEMORY_CURE);
        return NULL;
    }
    server->start_ns = clock_monotonic_ns();
    server->arguments = arguments;
    server->daemon.ready_fd = -1;
    server->janitor.fd = -1;
    server->former_janitor.fd = -1;
    server->pidfile_fd = -1;
    server->victim.fd = -1;
    server->memory_fd = -1;
    taker_init(&server->taker);
    return server;
}

void server_free(struct server *server) {
    free(server);
}

bool server_find_listens(struct server *server, struct failure *failure) {
    if (server->taker.pid != 0) {
        return taker_inherit(&server->taker, &server->inherited, &server->listens, &server->options, failure);
    }
    return inherited_take(&server->inherited, &server->listens, failure) &&
           listen_list_make(&server->listens, &server->options, failure);
}

/* --- the engine -------------------------------------------------------------------------------------------
 */

/* `limits` stands beside protocols_table: what each protocol makes of those of the configuration. */
static void limits_fill(const struct options *options, const struct engine_config *config,
                        struct engine_limits limits[PROTOCOLS_COUNT]) {
    for (unsigned i = 0; i < PROTOCOLS_COUNT; i++) {
        limits[i] = config->limits;
        if (protocols_table[i].limits != NULL) {
            protocols_table[i].limits(options, &limits[i]);
        }
    }
}

static void listens_fill(const struct server *server, const struct engine_limits limits[PROTOCOLS_COUNT],
                         struct engine_listen *listens, int fds[INHERITED_MAX]) {
    for (unsigned i = 0; i < server->listens.count; i++) {
        const struct listen *listen = &server->listens.listens[i];
        const struct server_protocol *protocol = listen->protocol;
        bool is_loopback = address_is_loopback(&listen->address);
        listens[i] = (struct engine_listen){
            .protocol = protocol->protocol,
            /* Names of one protocol share their limits: NULL are those of the configuration. */
            .limits = protocol->limits == NULL ? NULL : &limits[protocol - protocols_table],
            .filter = listen->tls >= LISTEN_TLS_ON ? &tls_filter : NULL,
            .filter_context_of = protocols_filter_context,
            .context_of = is_loopback ? protocol->loopback_context_of : protocol->context_of,
            .address = listen->address,
            .address_size = listen->address_size,
            .unix_mode = server->options.unix_mask,
            .inherited_fds = fds,
            .is_taken = listen->is_taken && !listen->is_inherited,
            .taken_file = listen->file,
            .inherited_count = inherited_of(&server->inherited, i, fds),
        };
        fds += listens[i].inherited_count;
    }
}

void server_fill_config(struct server *server, struct engine_config *config) {
    const struct options *options = &server->options;
    engine_config_init(config);
    config->workers_count = options->threads;
    config->pin = (enum engine_pin)options->pin;
    config->transport = (enum engine_transport)options->engine;
    config->send = (enum engine_send)options->send;
    config->send_zero_copy_size_min = (uint32_t)options->zero_copy_min;
    config->spin_us = options->spin_us;
    config->limits.connections_max = options->conn_limit;
    config->listen_backlog = options->listen_backlog;
    config->limits.requests_per_round_max = options->max_reqs_per_event;
    config->limits.output_size_max = (uint32_t)options->conn_output_limit;
    config->conn_memory_size_max = options->conn_memory;
    config->openings_max = options->handshake_limit;
    config->opening_timeout_ms =
        options->login_timeout > 0 ? options->login_timeout * MS_PER_S : ENGINE_TIMEOUT_MS_MAX;
    config->fixed_memory_size_max = (size_t)(options->memory_limit / BUFFERS_SHARE);
    config->recv_buffer_size = options->recv_buffer_size;
    config->recv_buffer_count = options->recv_buffer_count;
    config->ring_entries = options->given[OPTION_INDEX_ring_entries] ? options->ring_entries : 0;
    config->completion_entries = options->completion_entries;
    config->limits.idle_timeout_ms = options->idle_timeout * MS_PER_S;
    config->write_timeout_ms = options->write_timeout * MS_PER_S;
    config->drain_timeout_ms = options->drain_timeout * MS_PER_S;
    config->limits.reject_when_full = options->maxconns_fast;
    config->restrict_rings = sandbox_wanted(options);
    config->hooks = protocols_hooks(&server->protocols);
}

static bool engine_failed(const struct engine_error *error, struct failure *failure) {
    bool refused = error->error == -EPERM || error->error == -ENOSYS;
    int exit_status = error->usage ? EX_USAGE : refused ? EX_UNAVAILABLE : EX_OSERR;
    return failure_set(failure, exit_status, "%s", error->message);
}

/* What the engine has found out replaces what was left open: the number of workers, free ports; and which files are ours. */
static void options_complete(struct server *server) {
    server->options.threads = engine_workers_count(server->engine);
    for (unsigned i = 0; i < server->listens.count; i++) {
        uint16_t port = engine_port(server->engine, i);
        if (port != 0) {
            address_set_port(&server->listens.listens[i].address, port);
        }
        server->listens.listens[i].file = engine_listener_file(server->engine, i);
        bool is_memcached = server->listens.listens[i].protocol->protocol == &memcached_protocol;
        bool is_open = server->options.port == -1 || server->listens.listens[i].is_inherited;
        if (port != 0 && is_open && is_memcached) {
            server->options.port = port;
        }
    }
}

/* What the engine is told of its listeners; on the heap, since it is large. */
struct opening {
    struct engine_listen listens[ENGINE_LISTENS_MAX];
    int fds[INHERITED_MAX];
};

bool server_open_engine(struct server *server, struct failure *failure) {
    struct engine_config config;
    struct engine_error error;
    struct engine_limits limits[PROTOCOLS_COUNT];
    server_fill_config(server, &config);
    limits_fill(&server->options, &config, limits);
    struct opening *opening = calloc(1, sizeof(*opening));
    if (opening == NULL) {
        return failure_set(failure, EX_OSERR, "no memory for the listeners; " FAILURE_MEMORY_CURE);
    }
    listens_fill(server, limits, opening->listens, opening->fds);
    config.listens = opening->listens;
    config.listens_count = server->listens.count;
    int status = engine_create(&config, &server->engine, &error);
    free(opening);
    inherited_close(&server->inherited);
    if (status < 0) {
        return engine_failed(&error, failure);
    }
    options_complete(server);
    return true;
}

void server_close_engine(struct server *server) {
    if (hand_over_is_elsewhere(server)) {
        engine_stop(server->engine, ENGINE_STOP_HAND_OVER);
    }
    engine_destroy(server->engine);
}

bool server_write_ports(struct server *server, struct failure *failure) {
    return listen_list_write(&server->listens, getenv("MEMCACHED_PORT_FILENAME"), failure);
}

bool server_open_encryption(struct server *server, struct failure *failure) {
    return encryption_open(&server->encryption, &server->options, &server->listens, server->engine, failure);
}

void server_close_encryption(struct server *server) {
    encryption_close(&server->encryption);
}

/* --- the protocols ----------------------------------------------------------------------------------------
 */

bool server_create_protocols(struct server *server, struct failure *failure) {
    const struct protocols_parts parts = {
        .store = server->store,
        .engine = server->engine,
        .encryption = &server->encryption,
        .options = &server->options,
        .metrics = metrics_of_server(server),
        .has_http = listen_list_speaks(&server->listens, &http_protocol),
        .files_size = server_files_size(server),
    };
    return protocols_create(&server->protocols, &parts, failure);
}

void server_destroy_protocols(struct server *server) {
    protocols_destroy(&server->protocols);
}

bool server_load_passwords(struct server *server, struct failure *failure) {
    return protocols_load_passwords(&server->protocols, &server->options, failure);
}

bool server_load_token(struct server *server, struct failure *failure) {
    return protocols_load_token(&server->protocols, &server->options, failure);
}

/* --- what the operator is told ----------------------------------------------------------------------------
 */

static void warnings_log(const struct server *server) {
    uint32_t backlog = engine_listen_backlog(server->engine);
    uint32_t workers_count = server->options.threads;
    uint32_t quota_cpus = sysinfo_quota_cpus();
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
static void listens_text(const struct listen_list *list, char text[LISTENS_TEXT_SIZE_MAX]) {
    size_t at = 0;
    for (unsigned i = 0; i < list->count; i++) {
        char address[LISTEN_TEXT_SIZE_MAX];
        if (at + LISTEN_TEXT_SIZE_MAX + sizeof(", and 64 more") > LISTENS_TEXT_SIZE_MAX) {
            snprintf(text + at, LISTENS_TEXT_SIZE_MAX - at, " and %u more", list->count - i);
            return;
        }
        listen_text(&list->listens[i], address);
        at += (size_t)snprintf(text + at, LISTENS_TEXT_SIZE_MAX - at, "%s%s", i == 0 ? "" : ", ", address);
    }
}

static void start_line_log(const struct server *server) {
    const struct options *options = &server->options;
    const char *features = engine_features(server->engine);
    char addresses[LISTENS_TEXT_SIZE_MAX] = "";
    listens_text(&server->listens, addresses);
    log_line(LOG_LEVEL_INFO, "version " RIPOSTE_VERSION " ready: %" PRIu32 " worker%s on %s, listening on %s",
             options->threads, options->threads == 1 ? "" : "s", engine_transport_name(server->engine),
             addresses);
    log_line(LOG_LEVEL_DEBUG,
             "%s%smemory %s, items up to %s, %" PRIu32 " connections (%" PRIu64
             " descriptors), backlog %" PRIu32,
             features, features[0] == '\0' ? "" : "; ", units_format_size(options->memory_limit).text,
             units_format_size(options->max_item_size).text, options->conn_limit, server->descriptors_limit,
             engine_listen_backlog(server->engine));
}

bool server_announce(struct server *server, struct failure *failure) {
    (void)failure; /* cannot fail */
    warnings_log(server);
    start_line_log(server);
    return true;
}

/* --- serving ----------------------------------------------------------------------------------------------
 */

bool server_close_files(struct server *server, struct failure *failure) {
    struct socket_files dropped;
    listeners_dropped(&server->taker.listeners, &dropped);
    return sandbox_close_files(&server->options, &server->listens, &dropped, failure);
}

bool server_close_calls(struct server *server, struct failure *failure) {
    if (sandbox_close_calls(&server->options, failure)) {
        return true;
    }
    if (server->taker.pid == 0) {
        return false;
    }
    /* It has taken over, and nobody else serves any more. A child has tried it before (sandbox.h). */
    log_line(LOG_LEVEL_ERROR, "%s; it serves all the same, since no other process does any more",
             failure->text);
    *failure = (struct failure){0};
    return true;
}

bool server_start_workers(struct server *server, struct failure *failure) {
    struct engine_error error;
    engine_stop(server->engine, ENGINE_STOP_PAUSE);
    return engine_start(server->engine, &error) == 0 || engine_failed(&error, failure);
}

bool server_prepare_workers(struct server *server, struct failure *failure) {
    struct engine_error error;
    if (engine_prepare(server->engine, &error) == 0) {
        return true;
    }
    server_end_workers(server); /* some have what the store and the protocols gave them */
    return engine_failed(&error, failure);
}

void server_end_workers(struct server *server) {
    engine_stop(server->engine, hand_over_is_elsewhere(server) ? ENGINE_STOP_HAND_OVER : ENGINE_STOP_CLOSE);
    engine_join(server->engine);
}

bool server_begin_serving(struct server *server, struct failure *failure) {
    struct engine_error error;
    if (engine_resume(server->engine, &error) < 0) {
        return engine_failed(&error, failure);
    }
    hand_over_begin(server);
    return true;
}

void server_end_serving(struct server *server) {
    protocols_drain(&server->protocols);
    server_end_workers(server);
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
    if (options->log_file != NULL) {
        int error = log_reopen();
        if (error < 0) {
            log_line(LOG_LEVEL_WARNING, "SIGHUP: --log-file=%s cannot be opened: %s; the old one is kept",
                     options->log_file, strerror(-error));
        } else {
            log_line(LOG_LEVEL_INFO, "SIGHUP: %s is opened again", options->log_file);
        }
    } else if (options->auth_file == NULL && options->http_token_file == NULL && options->http_log == NULL &&
               server->encryption.tls == NULL) {
        log_line(LOG_LEVEL_INFO, "SIGHUP: there is nothing to read again");
    }
    if (options->auth_file != NULL) {
        file_reload(server, options->auth_file, server_load_passwords);
    }
    if (options->http_token_file != NULL) {
        file_reload(server, options->http_token_file, server_load_token);
    }
    if (server->encryption.tls != NULL) {
        char message[TLS_MESSAGE_SIZE_MAX];
        encryption_refresh(&server->encryption, "SIGHUP", message);
    }
    if (options->http_log != NULL) {
        protocols_reopen_log(&server->protocols);
        log_line(LOG_LEVEL_INFO, "SIGHUP: %s is opened again", options->http_log);
    }
}

bool server_open_supervision(struct server *server, struct failure *failure) {
    (void)failure; /* serving does not hang on it */
    supervision_open(&server->supervision);
    if (server->taker.notify_fd >= 0) {
        supervision_adopt(&server->supervision, server->taker.notify_fd, server->taker.settings.watchdog_us);
        server->taker.notify_fd = -1;
    }
    return true;
}

void server_close_supervision(struct server *server) {
    supervision_close(&server->supervision);
}

bool server_report_ready(struct server *server, struct failure *failure) {
    (void)failure; /* as above */
    supervision_ready(&server->supervision, server->engine, server->store);
    return true;
}

/* -1: never. */
static int sooner(int one_ms, int other_ms) {
    return one_ms < 0 || (other_ms >= 0 && other_ms < one_ms) ? other_ms : one_ms;
}

/* Until a stop is asked for or another process serves, at most until end_ns (monotonic). */
static void server_serve(struct server *server, uint64_t end_ns) {
    enum signals_event event = SIGNALS_NONE;
    for (uint64_t now_ns; event != SIGNALS_STOP && (now_ns = clock_monotonic_ns()) < end_ns;) {
        if (hand_over_turn(server, now_ns)) {
            return;
        }
        int timeout_ms = supervision_turn(&server->supervision, now_ns);
        timeout_ms = sooner(timeout_ms, encryption_turn(&server->encryption, now_ns));
        timeout_ms = sooner(timeout_ms, hand_over_timeout_ms(server, now_ns));
        if (server->options.lock_memory) {
            timeout_ms = sooner(timeout_ms, memory_lock_turn(&server->memory_lock, server->store));
        }
        uint64_t left_ms = (end_ns - now_ns) / CLOCK_NS_PER_MS + 1;
        if (left_ms < (timeout_ms < 0 ? INT_MAX : (uint64_t)timeout_ms)) {
            timeout_ms = (int)left_ms;
        }
        event = signals_wait(timeout_ms);
        if (event == SIGNALS_REFRESH) {
            encryption_serve_requests(&server->encryption);
        } else if (event == SIGNALS_UPGRADE) {
            hand_over_start_taker(server);
        } else if (event == SIGNALS_CHILD) {
            hand_over_on_child(server);
        } else if (event == SIGNALS_RELOAD) {
            supervision_reloading(&server->supervision);
            server_reload(server);
            supervision_reloaded(&server->supervision);
        }
    }
}

bool server_wait(struct server *server) {
    uint32_t delay_s = server->options.stop_delay;
    server_serve(server, UINT64_MAX);
    if (server->giver.state == GIVER_GIVEN || server->giver.state == GIVER_LOST) {
        return server->giver.state == GIVER_GIVEN;
    }
    giver_end(&server->giver);
    hand_over_part(server);
    supervision_stopping(&server->supervision, (delay_s + server->options.drain_timeout) * MS_PER_S);
    if (delay_s > 0) {
        log_line(LOG_LEVEL_INFO, "stopping in %" PRIu32 " s; until then /readyz answers 503", delay_s);
        protocols_drain(&server->protocols);
        server_serve(server, clock_monotonic_ns() + delay_s * CLOCK_NS_PER_S);
    }
    log_line(LOG_LEVEL_INFO, "stopping");
    signals_exit_on_next_stop();
    return true;
}
