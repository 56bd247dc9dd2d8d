/* SPDX-License-Identifier: MIT
 *
 * service: makes and ends what the workers of the protocol share.
 */
#include "service.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log/events.h"
#include "riposte/clock.h"
#include "riposte/log.h"
#include "stats/prefixes.h"

int memcached_service_create(const struct memcached_config *config, struct memcached_service **service) {
    assert(config->store != NULL && config->workers_max > 0);
    struct memcached_service *created = calloc(1, sizeof(*created));
    if (created == NULL) {
        return -ENOMEM;
    }
    created->workers = calloc(config->workers_max, sizeof(struct memcached_worker *));
    if (created->workers == NULL) {
        goto free_service;
    }
    created->prefixes = prefixes_create(config->prefix_delimiter);
    if (created->prefixes == NULL) {
        goto free_workers;
    }
    created->config = *config;
    /* relaxed, both: no other thread knows the service yet. */
    unsigned observed = (config->detail_enabled ? OBSERVE_PREFIXES : 0) |
                        (config->slow_log != NULL ? OBSERVE_SLOW : 0) |
                        (log_level_get() >= LOG_LEVEL_TRACE ? OBSERVE_LINES : 0);
    atomic_store_explicit(&created->observed, observed, memory_order_relaxed);
    atomic_store_explicit(&created->crawler_disabled, !config->lru_crawler, memory_order_relaxed);
    created->start_ns = clock_monotonic_ns();
    pthread_rwlock_init(&created->lock, NULL);
    auth_init(&created->auth);
    watch_init(&created->watch, &created->observed);
    *service = created;
    return 0;

free_workers:
    free(created->workers);
free_service:
    free(created);
    return -ENOMEM;
}

void memcached_service_set_engine(struct memcached_service *service, struct engine *engine) {
    service->engine = engine;
}

void memcached_service_destroy(struct memcached_service *service) {
    for (unsigned i = 0; i < service->config.workers_max; i++) {
        assert(service->workers[i] == NULL);
    }
    pthread_rwlock_destroy(&service->lock);
    watch_deinit(&service->watch);
    auth_deinit(&service->auth);
    prefixes_destroy(service->prefixes);
    free(service->workers);
    free(service);
}

struct memcached_worker *memcached_worker_create(struct memcached_service *service,
                                                 struct store_worker *store_worker, unsigned worker_index) {
    assert(worker_index < service->config.workers_max);
    struct memcached_worker *worker = aligned_alloc(MC_CACHE_LINE_SIZE, sizeof(*worker));
    if (worker == NULL) {
        return NULL;
    }
    memset(worker, 0, sizeof(*worker));
    worker->prefixes = prefixes_worker_create(service->prefixes);
    if (worker->prefixes == NULL) {
        free(worker);
        return NULL;
    }
    worker->service = service;
    worker->store = store_worker;
    worker->index = worker_index;
    if (service->config.hotkeys != NULL) {
        worker->hotkeys = hotkeys_worker(service->config.hotkeys, worker_index);
    }
    if (service->config.latency != NULL) {
        worker->latency = latency_worker(service->config.latency, worker_index);
    }
    store_worker_on_evict(store_worker, events_evicted, worker);
    pthread_rwlock_wrlock(&service->lock);
    assert(service->workers[worker_index] == NULL);
    service->workers[worker_index] = worker;
    pthread_rwlock_unlock(&service->lock);
    return worker;
}

void memcached_worker_destroy(struct memcached_worker *worker) {
    struct memcached_service *service = worker->service;
    store_worker_on_evict(worker->store, NULL, NULL);
    pthread_rwlock_wrlock(&service->lock);
    counters_add(&service->left, &worker->counters);
    service->workers[worker->index] = NULL;
    pthread_rwlock_unlock(&service->lock);
    prefixes_worker_destroy(worker->prefixes);
    free(worker);
}

void service_log_binary(struct memcached_service *service) {
    /* relaxed: only who sets it first writes the line. */
    if (!atomic_exchange_explicit(&service->binary_logged, true, memory_order_relaxed)) {
        log_line(LOG_LEVEL_WARNING,
                 "a client speaks memcached's binary protocol, which is not here: its connection is closed; "
                 "set the client to the text protocol (further ones are only counted, as closed_binary)");
    }
}
