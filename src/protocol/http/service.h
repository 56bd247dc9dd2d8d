/* SPDX-License-Identifier: MIT
 *
 * service: what all workers of the protocol have in common, and what each has for itself.
 *
 *      http_service --+-- config                    constant
 *                     +-- token, draining, ...      atomic
 *                     +-- workers, left             under `lock`, which no request but /metrics takes
 *
 *      http_worker  --+-- its own; other threads read its counters only
 *                     +-- endpoints                 the context of a connection is one of them
 */
#ifndef HTTP_SERVICE_H
#define HTTP_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "content.h"
#include "parse/date.h"
#include "files/file_cache.h"
#include "parse/memo.h"
#include "riposte/counter.h"
#include "riposte/hotkeys.h"
#include "riposte/latency.h"
#include "riposte/http.h"
#include "riposte/store.h"

enum { HTTP_CACHE_LINE_SIZE = 64, HTTP_DATE_LINE_SIZE = HTTP_DATE_SIZE + 8 };

/* What a worker counts, and sums of it. X(name, help). */
#define HTTP_COUNTERS_H

#include "riposte/counter.h"

#define HTTP_COUNTERS(X)                                                                                     \
    X(requests, "requests with a complete head")                                                             \
    X(answers_2xx, "answers of success")                                                                     \
    X(answers_3xx, "answers not modified, or moved")                                                         \
    X(answers_4xx, "answers that say what the client did wrong")                                             \
    X(answers_5xx, "answers that say what the server cannot do")                                             \
    X(refused, "connections closed because a request was malformed or too large")                            \
    X(closed_tls, "connections closed because they began as TLS does, where it is not spoken")               \
    X(timeouts, "requests that came too slowly (408)")                                                       \
    X(cache_hits, "values found")                                                                            \
    X(cache_misses, "values asked for that were not there")                                                  \
    X(cache_stores, "values stored, appended to or counted up or down")                                      \
    X(cache_deletes, "values deleted")                                                                       \
    X(bodies_in_pieces, "bodies that did not come with their head")                                          \
    X(disk_waits, "requests for files that waited until a disk was asked")

struct http_counters {
#define HTTP_COUNTER_FIELD(name, help) struct counter name;
    HTTP_COUNTERS(HTTP_COUNTER_FIELD)
#undef HTTP_COUNTER_FIELD
};

/* The same as plain numbers. */
struct http_counts {
#define HTTP_COUNT_FIELD(name, help) uint64_t name;
    HTTP_COUNTERS(HTTP_COUNT_FIELD)
#undef HTTP_COUNT_FIELD
};

static inline void http_counts_add(struct http_counts *counts, const struct http_counters *counters) {
#define HTTP_COUNT_ADD(name, help) counts->name += counter_read(&counters->name);
    HTTP_COUNTERS(HTTP_COUNT_ADD)
#undef HTTP_COUNT_ADD
}

/* A bearer token; constant once it is in force. */
struct http_token {
    struct http_token *previous; /* what was in force before: kept, as a request may still look at it */
    size_t size;
    char text[HTTP_TOKEN_SIZE_MAX];
};

struct http_service {
    struct http_config config;          /* constant */
    _Atomic(struct http_token *) token; /* NULL: none is asked for. Owned */
    _Atomic bool draining;              /* http_service_drain was called */
    struct http_access_log *log;        /* owned; NULL without one */
    struct http_file_cache *files;      /* owned; NULL without a root */
    struct http_contents contents;      /* media types of stored values */
    pthread_mutex_t lock;               /* of what follows */
    struct http_worker **workers;       /* config.workers_max of them; NULL where none has that index */
    struct http_counts left;            /* sums of the workers that are gone */
};

struct http_endpoint {
    struct http_worker *worker;
    enum http_endpoint_kind kind;
};

static inline bool http_endpoint_is_admin(const struct http_endpoint *endpoint) {
    return endpoint->kind == HTTP_ENDPOINT_ADMIN_OPEN || endpoint->kind == HTTP_ENDPOINT_ADMIN_LOOPBACK;
}

static inline bool http_endpoint_is_loopback(const struct http_endpoint *endpoint) {
    return endpoint->kind == HTTP_ENDPOINT_LOOPBACK || endpoint->kind == HTTP_ENDPOINT_ADMIN_LOOPBACK;
}

struct http_worker {
    struct http_service *service;   /* borrowed */
    struct store_worker *store;     /* borrowed; this thread's own */
    struct hotkeys_worker *hotkeys; /* the same; NULL where the busiest keys are not looked for */
    struct latency_worker *latency; /* the same; NULL where latencies are not counted */
    unsigned index;
    struct http_memo memo;               /* of the head that is being served, or was last */
    uint64_t date_until_ns;              /* monotonic time at which the date is no longer true */
    uint64_t unix_s;                     /* the time that the date tells */
    char date_line[HTTP_DATE_LINE_SIZE]; /* "Date: ...\r\n" */
    struct http_endpoint endpoints[HTTP_ENDPOINT_KIND_COUNT];
    struct http_counters counters;
} __attribute__((aligned(HTTP_CACHE_LINE_SIZE)));

/* A request reads or writes `key`. */
static inline void http_worker_count_key(const struct http_worker *worker, struct bytes key, bool writes) {
    if (worker->hotkeys != NULL) {
        hotkeys_count(worker->hotkeys, key, writes);
    }
}

/* Makes the date true for a request at now_ns. The clock is read once a second. */
void http_worker_tell_time(struct http_worker *worker, uint64_t now_ns);

/* The sums over all workers, those that are gone included. Any thread. */
void http_service_counts(struct http_service *service, struct http_counts *counts);

/* Whether a token is asked for. Any thread. */
static inline bool http_service_asks(const struct http_service *service) {
    /* acquire: whoever sees the token sees its text. */
    return atomic_load_explicit(&service->token, memory_order_acquire) != NULL;
}

/* As http_service_token_load says: true when `given`, a whole Authorization value, may pass. Any thread. */
bool http_service_allows(const struct http_service *service, struct bytes given);

#endif
