/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include <stdlib.h>

#include "riposte/clock.h"
#include "riposte/http.h"
#include "riposte/memcached.h"
#include "riposte/store.h"

struct server_worker {
    struct store_worker *store;         /* joined */
    struct memcached_worker *memcached; /* owned */
    struct http_worker *http;           /* owned; NULL without a service */
};

/* NULL when memory ends; the engine then ends the start. */
static void *worker_start(void *user, unsigned worker_index) {
    struct worker_common *common = user;
    struct server_worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL) {
        return NULL;
    }
    worker->store = store_worker_join(common->store, clock_monotonic_ns());
    if (worker->store == NULL) {
        goto free_worker;
    }
    worker->memcached = memcached_worker_create(common->service, worker->store, worker_index);
    if (worker->memcached == NULL) {
        goto leave_store;
    }
    if (common->http != NULL) {
        worker->http = http_worker_create(common->http, worker->store, worker_index);
        if (worker->http == NULL) {
            goto destroy_memcached;
        }
    }
    return worker;

destroy_memcached:
    memcached_worker_destroy(worker->memcached);
leave_store:
    store_worker_leave(worker->store);
free_worker:
    free(worker);
    return NULL;
}

static void worker_stop(void *worker_user) {
    struct server_worker *worker = worker_user;
    if (worker->http != NULL) {
        http_worker_destroy(worker->http);
    }
    memcached_worker_destroy(worker->memcached);
    store_worker_leave(worker->store);
    free(worker);
}

static unsigned worker_turn(void *worker_user, uint64_t now_ns) {
    return store_quiescent(((struct server_worker *)worker_user)->store, now_ns);
}

static void worker_offline(void *worker_user) {
    store_offline(((struct server_worker *)worker_user)->store);
}

static void worker_online(void *worker_user, uint64_t now_ns) {
    store_online(((struct server_worker *)worker_user)->store, now_ns);
}

struct engine_hooks worker_hooks(struct worker_common *common) {
    return (struct engine_hooks){
        .user = common,
        .worker_start = worker_start,
        .turn = worker_turn,
        .offline = worker_offline,
        .online = worker_online,
        .worker_stop = worker_stop,
    };
}

void *worker_memcached_context(void *worker_user) {
    return ((struct server_worker *)worker_user)->memcached;
}

void *worker_http_context(void *worker_user) {
    return http_worker_endpoint(((struct server_worker *)worker_user)->http, HTTP_ENDPOINT_OPEN);
}

void *worker_http_loopback_context(void *worker_user) {
    return http_worker_endpoint(((struct server_worker *)worker_user)->http, HTTP_ENDPOINT_LOOPBACK);
}
