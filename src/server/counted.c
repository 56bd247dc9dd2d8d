/* SPDX-License-Identifier: MIT
 *
 * counted: asks every part, in one order. See counted.h.
 */
#include "counted.h"

#include "riposte/clock.h"
#include "riposte/http.h"
#include "riposte/latency.h"
#include "riposte/memcached.h"
#include "riposte/numbers.h"
#include "riposte/store_file.h"
#include "riposte/tls.h"
#include "server.h"

void counted_save(void *user, struct record_writer *writer) {
    const struct server *server = user;
    const struct protocols *protocols = &server->protocols;
    numbers_put_one(writer, "server.", "start_ns", server->start_ns);
    engine_counters_save(server->engine, writer);
    store_counters_save(server->store, writer);
    memcached_counters_save(protocols->memcached, writer);
    if (protocols->http != NULL) {
        http_counters_save(protocols->http, writer);
    }
    if (protocols->tls != NULL) {
        tls_counters_save(protocols->tls, writer);
    }
    if (protocols->latency != NULL) {
        latency_save(protocols->latency, writer);
    }
}

void counted_load(struct server *server, struct bytes bytes) {
    struct protocols *protocols = &server->protocols;
    struct numbers numbers = numbers_read(bytes);
    if (bytes.size == 0) {
        return;
    }
    /* Rates are counters by the time since the start: both go on. CLOCK_MONOTONIC is the machine's. */
    uint64_t start_ns = numbers_get_one(&numbers, "server.", "start_ns");
    server->start_ns = start_ns > 0 && start_ns < server->start_ns ? start_ns : server->start_ns;
    engine_counters_load(server->engine, &numbers);
    store_counters_load(server->store, &numbers, clock_monotonic_ns());
    memcached_counters_load(protocols->memcached, &numbers);
    if (protocols->http != NULL) {
        http_counters_load(protocols->http, &numbers);
    }
    if (protocols->tls != NULL) {
        tls_counters_load(protocols->tls, &numbers);
    }
    if (protocols->latency != NULL) {
        latency_load(protocols->latency, &numbers);
    }
}
