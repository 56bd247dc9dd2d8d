/* SPDX-License-Identifier: MIT
 *
 * service: what all workers of the protocol have in common, and what each has for itself.
 *
 *      memcached_service --+-- config, engine       constant once the engine runs
 *                          +-- verbosity, ...       atomic
 *                          +-- workers, base        under `lock`, which no request but `stats` takes
 *
 *      memcached_worker  --+-- its own; other threads read its counters only
 */
#ifndef MEMCACHED_SERVICE_H
#define MEMCACHED_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "auth.h"
#include "log/watch.h"
#include "riposte/engine.h"
#include "riposte/hotkeys.h"
#include "riposte/latency.h"
#include "riposte/memcached.h"
#include "riposte/store.h"
#include "stats/counters.h"

enum { MC_CACHE_LINE_SIZE = 64 };

struct prefixes;
struct prefixes_worker;

struct memcached_service {
    struct memcached_config config; /* constant */
    struct engine *engine;          /* borrowed; NULL until memcached_service_set_engine */
    uint64_t start_ns;              /* monotonic */
    struct prefixes *prefixes;      /* owned; see prefixes.h */
    struct auth auth;
    struct watch watch;
    _Atomic unsigned verbosity;    /* as the last `verbosity` command said */
    _Atomic bool crawler_disabled; /* as the option, then `lru_crawler enable` and `disable` said */
    _Atomic bool binary_logged;    /* the line of service_log_binary was written */
    _Atomic unsigned listings;     /* under way, at most LISTINGS_MAX: see listing.h */
    _Atomic unsigned observed;     /* OBSERVE_ bits, and watch_kind's */

    pthread_rwlock_t lock;             /* of what follows; those who only add up do not wait for each other */
    struct memcached_worker **workers; /* config.workers_max of them; NULL where none has that index */
    struct mc_counts left;             /* sums of the workers that are gone */
    struct mc_totals base;             /* totals at the last `stats reset` */
};

struct memcached_worker {
    struct memcached_service *service; /* borrowed */
    struct store_worker *store;        /* borrowed; this thread's own */
    struct prefixes_worker *prefixes;  /* owned */
    struct hotkeys_worker *hotkeys;    /* the same; NULL where the busiest keys are not looked for */
    struct latency_worker *latency;    /* the same; NULL where latencies are not counted */
    unsigned index;
    bool tracing; /* an on_input is told request by request, and this one is part of it */
    struct mc_counters counters;
} __attribute__((aligned(MC_CACHE_LINE_SIZE)));

/* A request reads or writes `key`. */
static inline void service_count_key(const struct memcached_worker *worker, struct bytes key, bool writes) {
    if (worker->hotkeys != NULL) {
        hotkeys_count(worker->hotkeys, key, writes);
    }
}

/* Tells the operator once that clients speak the binary protocol. Any worker. */
void service_log_binary(struct memcached_service *service);

/* Beside the bits of watch_kind. */
enum {
    OBSERVE_PREFIXES = 1 << 8, /* requests are counted by prefix: `stats detail` */
    OBSERVE_LINES = 1 << 9,    /* commands and answers are lines of the log: -vv */
    OBSERVE_SLOW = 1 << 10,    /* the clock is looked at behind each request: --slow-us */
};

/* What requests are looked at one by one for: bits; 0, the usual, for nothing. Any worker. */
static inline unsigned service_observed(const struct memcached_service *service) {
    /* relaxed: a few requests more or less at the edges do not matter. */
    return atomic_load_explicit(&service->observed, memory_order_relaxed);
}

/* True when a connection must authenticate. Any worker. */
static inline bool service_authenticates(const struct memcached_service *service) {
    /* relaxed: set before the engine runs, or while connections may come either way. */
    return atomic_load_explicit(&service->auth.required, memory_order_relaxed);
}

/* Bytes of -m that are not the store's: the engine's buffers and rings, and what the configuration names. */
static inline size_t service_reserved_size(const struct memcached_service *service) {
    size_t engine_size = service->engine == NULL ? 0 : engine_fixed_memory_size(service->engine);
    return engine_size + service->config.reserved_size;
}

/* What holds in place of -m: cache_memlimit may have changed it. Any worker. */
static inline uint64_t service_memory_limit(const struct memcached_service *service) {
    struct store_levels levels;
    store_stats(service->config.store, &levels);
    return levels.memory_size_max + service_reserved_size(service);
}

/* A CAS as clients are shown it: 0 with -C. */
static inline uint64_t service_cas(const struct memcached_service *service, uint64_t cas) {
    return service->config.cas_enabled ? cas : 0;
}

#endif
