/* SPDX-License-Identifier: MIT
 *
 * protocols: the table, the services, and the parts of a thread. See protocols.h.
 */
#include "protocols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "allocator.h"
#include "encryption.h"
#include "riposte/check.h"
#include "riposte/clock.h"
#include "riposte/hotkeys.h"
#include "riposte/http.h"
#include "riposte/latency.h"
#include "riposte/memcached.h"
#include "riposte/slow_log.h"
#include "riposte/store.h"
#include "riposte/tls.h"
#include "settings.h"
#include "signals.h"

enum { MS_PER_S = 1000 };

/* --- a thread ---------------------------------------------------------------------------------------------
 */

/* All functions of this part run on the worker's own thread. */
struct thread {
    struct protocols *protocols;        /* borrowed */
    struct store_worker *store;         /* joined */
    struct memcached_worker *memcached; /* owned */
    struct http_worker *http;           /* owned; NULL without a service */
    struct tls_worker *tls;             /* the protocols'; NULL where no listen speaks it */
    struct latency_worker *latency;     /* of this thread; NULL where it is not counted */
    bool memory_is_tight;               /* as it found when it looked last */
};

/* Made once: connections that a freeze has left behind have theirs when the thread is stopped, and when it starts again. */
static struct tls_worker *tls_part(struct protocols *protocols, unsigned worker_index) {
    struct tls_worker **part = &protocols->tls_workers[worker_index];
    if (*part == NULL) {
        *part = tls_worker_create(protocols->tls, worker_index);
    }
    return *part;
}

/* NULL when memory ends; the engine then ends the start. */
static void *thread_start(void *user, unsigned worker_index) {
    struct protocols *protocols = user;
    struct thread *thread = calloc(1, sizeof(*thread));
    if (thread == NULL) {
        return NULL;
    }
    thread->protocols = protocols;
    thread->store = store_worker_join(protocols->store, clock_monotonic_ns());
    if (thread->store == NULL) {
        goto free_thread;
    }
    thread->memcached = memcached_worker_create(protocols->memcached, thread->store, worker_index);
    if (thread->memcached == NULL) {
        goto leave_store;
    }
    if (protocols->latency != NULL) {
        thread->latency = latency_worker(protocols->latency, worker_index);
    }
    if (protocols->http != NULL) {
        thread->http = http_worker_create(protocols->http, thread->store, worker_index);
        if (thread->http == NULL) {
            goto destroy_memcached;
        }
    }
    if (protocols->tls != NULL) {
        thread->tls = tls_part(protocols, worker_index);
        if (thread->tls == NULL) {
            goto destroy_http;
        }
    }
    return thread;

destroy_http:
    if (thread->http != NULL) {
        http_worker_destroy(thread->http);
    }
destroy_memcached:
    memcached_worker_destroy(thread->memcached);
leave_store:
    store_worker_leave(thread->store);
free_thread:
    free(thread);
    return NULL;
}

static void thread_stop(void *worker_user) {
    struct thread *thread = worker_user;
    if (thread->http != NULL) {
        http_worker_destroy(thread->http);
    }
    memcached_worker_destroy(thread->memcached);
    store_worker_leave(thread->store);
    free(thread);
}

/*
 * Where connections hold more than half of what they may, until it is three eighths again, what they free is given back at once: else
 * it would be resident beside the bound.
 */
static void thread_watch_memory(struct thread *thread) {
    const struct protocols *protocols = thread->protocols;
    uint64_t eighth_size = protocols->conn_memory_size_max / 8;
    uint64_t tight_size = thread->memory_is_tight ? 3 * eighth_size : 4 * eighth_size;
    bool is_tight = engine_conn_memory_size(protocols->engine) > tight_size;
    if (unlikely(is_tight != thread->memory_is_tight)) {
        thread->memory_is_tight = is_tight;
        allocator_return_soon(is_tight);
    }
}

static unsigned thread_turn(void *worker_user, uint64_t now_ns) {
    struct thread *thread = worker_user;
    wall_clock_turn(&thread->protocols->wall_clock, thread->protocols->store, now_ns);
    thread_watch_memory(thread);
    return store_quiescent(thread->store, now_ns);
}

static void thread_turn_end(void *worker_user, uint64_t now_ns) {
    struct thread *thread = worker_user;
    if (thread->latency != NULL) {
        latency_record(thread->latency, now_ns);
    }
}

static void thread_offline(void *worker_user) {
    store_offline(((struct thread *)worker_user)->store);
}

static void thread_online(void *worker_user, uint64_t now_ns) {
    store_online(((struct thread *)worker_user)->store, now_ns);
}

struct engine_hooks protocols_hooks(struct protocols *protocols) {
    return (struct engine_hooks){
        .user = protocols,
        .worker_start = thread_start,
        .turn = thread_turn,
        .turn_end = thread_turn_end,
        .offline = thread_offline,
        .online = thread_online,
        .worker_stop = thread_stop,
    };
}

void *protocols_filter_context(void *worker_user, unsigned listen_index) {
    struct tls_worker *tls = ((struct thread *)worker_user)->tls;
    return tls == NULL ? NULL : tls_worker_context(tls, listen_index);
}

/* --- the table --------------------------------------------------------------------------------------------
 */

static void *memcached_context(void *worker_user) {
    return ((struct thread *)worker_user)->memcached;
}

static void *http_context(void *worker_user) {
    return http_worker_endpoint(((struct thread *)worker_user)->http, HTTP_ENDPOINT_OPEN);
}

static void *http_loopback_context(void *worker_user) {
    return http_worker_endpoint(((struct thread *)worker_user)->http, HTTP_ENDPOINT_LOOPBACK);
}

static void *http_admin_context(void *worker_user) {
    return http_worker_endpoint(((struct thread *)worker_user)->http, HTTP_ENDPOINT_ADMIN_OPEN);
}

static void *http_admin_loopback_context(void *worker_user) {
    return http_worker_endpoint(((struct thread *)worker_user)->http, HTTP_ENDPOINT_ADMIN_LOOPBACK);
}

static void http_limits(const struct options *options, struct engine_limits *limits) {
    limits->connections_max = options->http_conn_limit;
    limits->input_size_max = HTTP_INPUT_SIZE_MAX;
    if (limits->output_size_max > HTTP_OUTPUT_SIZE_MAX) {
        limits->output_size_max = HTTP_OUTPUT_SIZE_MAX;
    }
    limits->idle_timeout_ms = options->http_timeout * MS_PER_S;
}

static void http_admin_limits(const struct options *options, struct engine_limits *limits) {
    http_limits(options, limits);
    limits->connections_max = HTTP_ADMIN_CONNECTIONS_MAX;
}

#define MEMCACHED(name)                                                                                      \
    { (name), &memcached_protocol, "", "TCP", memcached_context, memcached_context, NULL }

/* memcached's own names of its text protocol stand beside it. */
const struct server_protocol protocols_table[PROTOCOLS_COUNT] = {
    MEMCACHED("memcached"),
    MEMCACHED("ascii"),
    MEMCACHED("negotiating"),
    {"http", &http_protocol, "http", "HTTP", http_context, http_loopback_context, http_limits},
    {"http-admin", &http_protocol, "http", "ADMIN", http_admin_context, http_admin_loopback_context,
     http_admin_limits},
};

const struct server_protocol *protocols_find(struct bytes name) {
    for (unsigned i = 0; i < PROTOCOLS_COUNT; i++) {
        if (bytes_equal_string(name, protocols_table[i].name)) {
            return &protocols_table[i];
        }
    }
    return NULL;
}

/* --- memcached --------------------------------------------------------------------------------------------
 */

/* The command shutdown takes the same path as a signal from outside. */
static void stop_requested(void *user, bool graceful) {
    (void)user;
    signals_request_stop(graceful);
}

static bool memcached_create(struct protocols *protocols, const struct protocols_parts *parts,
                             struct failure *failure) {
    struct options *options = parts->options;
    struct memcached_config config = {
        .store = parts->store,
        .item_size_max = options->max_item_size,
        .cas_enabled = options->cas,
        .flush_enabled = options->flush_all,
        .dump_enabled = options->dumping,
        .watch_enabled = options->watch,
        .shutdown_enabled = options->enable_shutdown,
#ifdef RIPOSTE_DEBUG_COMMANDS
        .debug_commands = true,
#endif
        .hotkeys = protocols->hotkeys,
        .latency = protocols->latency,
        .slow_log = protocols->slow_log,
        .prefix_delimiter = options->stat_key_prefix,
        .detail_enabled = options->given[OPTION_INDEX_stat_key_prefix],
        .connections_max = options->conn_limit,
        .memory_limit = options->memory_limit,
        .reserved_size = parts->files_size,
        .conn_memory_size_max = options->conn_memory,
        .workers_max = options->threads,
        .login_timeout_ms = options->login_timeout * MS_PER_S,
        .upload_rate_min = options->min_rate,
        .settings = {.write = settings_write, .user = options},
        .maxconns_fast = options->maxconns_fast,
        .slab_reassign = options->slab_reassign,
        .lru_crawler = options->lru_crawler,
        .lru_maintainer = options->lru_maintainer,
        .idle_timeout = options->idle_timeout > 0,
        .stop = stop_requested,
    };
    if (protocols->tls != NULL) {
        config.more_stats = (struct memcached_stats_writer){encryption_stats, parts->encryption};
        config.refresher =
            (struct memcached_refresher){encryption_ask, encryption_answered, parts->encryption};
    }
    int status = memcached_service_create(&config, &protocols->memcached);
    if (status < 0) {
        return failure_set(failure, EX_OSERR, "the protocol cannot be made: %s%s", strerror(-status),
                           status == -ENOMEM ? "; " FAILURE_MEMORY_CURE : "");
    }
    memcached_service_set_engine(protocols->memcached, parts->engine);
    return true;
}

/* A file that is loaded at the start and again for SIGHUP; `status` says how that went. */
static bool file_loaded(const char *flag, int status, const char *message, struct failure *failure) {
    int exit_status = status == -EINVAL ? EX_USAGE : EX_OSERR;
    return status == 0 || failure_set(failure, exit_status, "%s %s", flag, message);
}

bool protocols_load_passwords(struct protocols *protocols, const struct options *options,
                              struct failure *failure) {
    char message[FAILURE_TEXT_SIZE_MAX];
    const char *path = options->auth_file;
    return path == NULL ||
           file_loaded("-Y",
                       memcached_service_auth_load(protocols->memcached, path, message, sizeof(message)),
                       message, failure);
}

/* --- HTTP -------------------------------------------------------------------------------------------------
 */

/* -Y is a promise that nobody unknown gets at the items. */
static bool http_flags_fit(const struct options *options, struct failure *failure) {
    if (options->auth_file != NULL && options->http_token_file == NULL) {
        return failure_set(failure, EX_USAGE,
                           "-Y asks clients for a password and --http would let them in without; give "
                           "--http-token-file, too");
    }
    if (options->http_cors != NULL && !http_origin_is_valid(bytes_from_string(options->http_cors))) {
        return failure_set(
            failure, EX_USAGE,
            "--http-cors: an origin is scheme://host[:port] as browsers send it, in small letters and "
            "with nothing behind, at most %d bytes: https://app.example",
            HTTP_CORS_SIZE_MAX);
    }
    return true;
}

/* Where a listen speaks it. */
static bool http_create(struct protocols *protocols, const struct protocols_parts *parts,
                        struct failure *failure) {
    const struct options *options = parts->options;
    if (!parts->has_http) {
        return true;
    }
    if (!http_flags_fit(options, failure)) {
        return false;
    }
    struct http_config config = {
        .store = parts->store,
        .item_size_max = options->max_item_size,
        .cas_enabled = options->cas,
        .flush_enabled = options->flush_all,
        .readonly = options->http_readonly,
        .cors_origin = options->http_cors,
        .hotkeys = protocols->hotkeys,
        .latency = protocols->latency,
        .slow_log = protocols->slow_log,
        .log_path = options->http_log,
        .log_json = options->http_log_json,
        .admin_apart = options->http_admin.count > 0,
        .files_root = options->http_root,
        .files_size_max = options->http_files_memory,
        .timeout_ms = options->http_timeout * MS_PER_S,
        .upload_rate_min = options->min_rate,
        .workers_max = options->threads,
        .sources = {parts->metrics, memcached_service_metrics(protocols->memcached)},
        .sources_count = 2,
    };
    if (protocols->latency != NULL) {
        config.sources[config.sources_count++] = latency_metrics(protocols->latency);
    }
    if (protocols->tls != NULL) {
        config.sources[config.sources_count++] = tls_metrics(protocols->tls);
    }
    int status = http_service_create(&config, &protocols->http);
    if (status == -EAGAIN) {
        return failure_set(failure, EX_OSERR,
                           "the threads for files or --http-log cannot be started; " FAILURE_THREAD_CURE);
    }
    if (status < 0 && status != -ENOMEM) {
        return failure_set(failure, EX_OSERR, "--http-root %s or --http-log %s cannot be opened: %s",
                           options->http_root != NULL ? options->http_root : "(none)",
                           options->http_log != NULL ? options->http_log : "(none)", strerror(-status));
    }
    return status == 0 ||
           failure_set(failure, EX_OSERR, "no memory for the HTTP service; " FAILURE_MEMORY_CURE);
}

bool protocols_load_token(struct protocols *protocols, const struct options *options,
                          struct failure *failure) {
    char message[FAILURE_TEXT_SIZE_MAX];
    const char *path = options->http_token_file;
    return path == NULL || protocols->http == NULL ||
           file_loaded("--http-token-file",
                       http_service_token_load(protocols->http, path, message, sizeof(message)), message,
                       failure);
}

/* --- all of them ------------------------------------------------------------------------------------------
 */

static bool tls_parts_create(struct protocols *protocols, unsigned count, struct failure *failure) {
    if (protocols->tls == NULL) {
        return true;
    }
    protocols->tls_workers = calloc(count, sizeof(*protocols->tls_workers));
    protocols->tls_workers_count = protocols->tls_workers == NULL ? 0 : count;
    return protocols->tls_workers != NULL ||
           failure_set(failure, EX_OSERR, "no memory for TLS; " FAILURE_MEMORY_CURE);
}

static void tls_parts_destroy(struct protocols *protocols) {
    for (unsigned i = 0; i < protocols->tls_workers_count; i++) {
        if (protocols->tls_workers[i] != NULL) {
            tls_worker_destroy(protocols->tls_workers[i]);
        }
    }
    free(protocols->tls_workers);
}

static void observers_destroy(struct protocols *protocols) {
    slow_log_destroy(protocols->slow_log);
    latency_destroy(protocols->latency);
    hotkeys_destroy(protocols->hotkeys);
}

bool protocols_create(struct protocols *protocols, const struct protocols_parts *parts,
                      struct failure *failure) {
    struct wall_times times = wall_times_read();
    *protocols = (struct protocols){
        .store = parts->store,
        .engine = parts->engine,
        .conn_memory_size_max = parts->options->conn_memory,
        .tls = parts->encryption->tls,
    };
    wall_clock_init(&protocols->wall_clock, &times);
    if (parts->options->dumping) {
        protocols->hotkeys =
            hotkeys_create(parts->options->threads); /* without memory they are not looked for */
    }
    if (parts->options->latency) {
        protocols->latency = latency_create(parts->options->threads); /* the same */
    }
    if (parts->options->slow_us > 0) {
        protocols->slow_log = slow_log_create(parts->options->slow_us);
    }
    if (!tls_parts_create(protocols, parts->options->threads, failure)) {
        goto destroy_observers;
    }
    if (!memcached_create(protocols, parts, failure)) {
        goto destroy_tls;
    }
    if (!http_create(protocols, parts, failure)) {
        goto destroy_memcached;
    }
    return true;

destroy_memcached:
    memcached_service_destroy(protocols->memcached);
destroy_tls:
    tls_parts_destroy(protocols);
destroy_observers:
    observers_destroy(protocols);
    return false;
}

void protocols_destroy(struct protocols *protocols) {
    if (protocols->http != NULL) {
        http_service_save(protocols->http);
    }
    http_service_destroy(protocols->http);
    memcached_service_destroy(protocols->memcached);
    tls_parts_destroy(protocols);
    observers_destroy(protocols);
}

void protocols_drain(struct protocols *protocols) {
    if (protocols->http != NULL) {
        http_service_drain(protocols->http);
    }
}

void protocols_reopen_log(struct protocols *protocols) {
    if (protocols->http != NULL) {
        http_service_log_reopen(protocols->http);
    }
}
