/* SPDX-License-Identifier: MIT
 *
 * memcached: the memcached text protocol over a store, as a protocol for the engine.
 *
 * One struct memcached_service for the process; one struct memcached_worker per worker thread, which is the
 * `context` of the protocol's functions on that worker.
 */
#ifndef RIPOSTE_MEMCACHED_H
#define RIPOSTE_MEMCACHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"
#include "riposte/metrics.h"
#include "riposte/numbers.h"
#include "riposte/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

struct engine;
struct hotkeys;
struct latency;
struct slow_log;
struct store;
struct store_worker;
struct memcached_service;
struct memcached_worker;

extern const struct protocol memcached_protocol;

/*
 * The version that clients are told: clients decide by it what they may send. riposte's own stands in `stats
 * riposte`.
 */
#define MEMCACHED_VERSION "1.6.45"

/* Lines of `stats settings`: written by whoever parsed the command line. */
struct memcached_settings_writer {
    /*
     * Calls `line` once per setting, in order. memory_limit: what holds now in place of -m, in bytes (cache_memlimit). Any
     * worker's thread may call, at any time.
     */
    void (*write)(void *user, uint64_t memory_limit,
                  void (*line)(void *target, const char *name, struct bytes value), void *target);
    void *user;
};

/* Lines of `stats` that whoever made the service adds. */
struct memcached_stats_writer {
    /* Calls `line` once per figure. Any worker's thread may call, at any time. NULL: there are none. */
    void (*write)(void *user, void (*line)(void *target, const char *name, struct bytes value), void *target);
    void *user;
};

/* Files of the process that a client may have read again (refresh_certs). Any worker's thread may call. */
struct memcached_refresher {
    uint64_t (*begin)(
        void *user); /* asks for it; returns which one it is, above 0. NULL: there are no files */

    /* Whether it is over; then `refusal` is "", or one sentence that says why what was in force stays. */
    bool (*ended)(void *user, uint64_t which, char *refusal, size_t refusal_size);
    void *user;
};

struct memcached_config {
    struct store *store;       /* borrowed for the service's life */
    size_t item_size_max;      /* as the store's; bytes */
    bool cas_enabled;          /* false (-C): every CAS is shown as 0 */
    bool flush_enabled;        /* false (-F): flush_all and flush_prefix are refused */
    bool dump_enabled;         /* false (-X): listings of keys are refused */
    bool watch_enabled;        /* false (-W): watch is refused */
    bool shutdown_enabled;     /* true (-A): shutdown is obeyed */
    bool debug_commands;       /* debugtime is there; test builds */
    char prefix_delimiter;     /* -D, ':' by default */
    bool detail_enabled;       /* -D given: per-prefix statistics from the start */
    struct hotkeys *hotkeys;   /* requests for keys are counted there; NULL: nowhere. Borrowed */
    struct latency *latency;   /* how long requests take is counted there; NULL: nowhere. Borrowed */
    struct slow_log *slow_log; /* requests that take long are written there; NULL: nowhere. Borrowed */
    uint32_t connections_max;  /* for `stats` */
    unsigned workers_max;      /* as the engine's */
    uint64_t memory_limit; /* -m, bytes: without -A cache_memlimit goes no further; 0: as far as it likes */
    size_t reserved_size;  /* bytes of it that are neither items nor the engine's buffers: HTTP's files */
    uint64_t conn_memory_size_max; /* as the engine's; for `stats riposte` */
    uint32_t upload_rate_min;      /* bytes/s at which a value must come, over 10 s; 0: at any */
    uint32_t login_timeout_ms;     /* a connection that must authenticate has so long to do it; 0: for ever */
    struct memcached_settings_writer settings;
    struct memcached_stats_writer more_stats;
    struct memcached_refresher refresher;

    /*
     * Options of memcached on which names of `stats` depend (src/protocol/memcached/README.md, "Statistics").
     */
    bool maxconns_fast;  /* rejected_connections */
    bool slab_reassign;  /* slab_reassign_*, slabs_moved */
    bool lru_crawler;    /* lru_crawler_running, lru_crawler_starts; false: its commands are refused */
    bool lru_maintainer; /* lru_maintainer_juggles, evicted_active, moves_*, direct_reclaims, ... */
    bool idle_timeout;   /* idle_kicks */

    void (*stop)(void *user, bool graceful); /* the command shutdown; any worker's thread. NULL: not there */
    void *stop_user;
};

/* 0 and *service; -ENOMEM. Before the engine. */
int memcached_service_create(const struct memcached_config *config, struct memcached_service **service);

/* After the engine was created: `stats` reads the engine's counters. Before engine_start. */
void memcached_service_set_engine(struct memcached_service *service, struct engine *engine);

/*
 * Reads the file of `-Y`: 1 to 8 lines name:password of at most 255 bytes. From the first success on every
 * connection must authenticate; those that have stay. 0; or a negative errno (-EINVAL: its
 * content), one sentence for the operator in `message`, and what was in force before stays so. Before
 * engine_start, and again at any time from any thread (SIGHUP).
 */
int memcached_service_auth_load(struct memcached_service *service, const char *path, char *message,
                                size_t message_size);

/* What clients have asked for, command by command. Any thread may ask as long as the service is there. */
struct metrics_source memcached_service_metrics(struct memcached_service *service);

/*
 * What it has counted since its start, when that was, and what `stats reset` has left, for a service of another process that goes on with
 * it (riposte/numbers.h). While the engine is frozen; before a first worker exists. Any one thread.
 */
void memcached_counters_save(struct memcached_service *service, struct record_writer *writer);
void memcached_counters_load(struct memcached_service *service, struct numbers *numbers);

/* All workers are gone. */
void memcached_service_destroy(struct memcached_service *service);

/*
 * For a worker's thread; store_worker is that thread's own and is borrowed. NULL when memory ends.
 * worker_index as in engine_hooks.
 */
struct memcached_worker *memcached_worker_create(struct memcached_service *service,
                                                 struct store_worker *store_worker, unsigned worker_index);

/* After the last connection of the worker has closed. Its counters stay in the sums. */
void memcached_worker_destroy(struct memcached_worker *worker);

#ifdef __cplusplus
}
#endif

#endif
