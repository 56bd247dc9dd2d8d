/* SPDX-License-Identifier: MIT
 *
 * riposte: `stats riposte`: the figures that memcached has no name for, kept apart so that strict
 * readers of `stats` never meet them. The names of the three tables of counters are distinct and stand here
 * as they are.
 */
#include <stdio.h>

#include "prefixes.h"
#include "stats.h"

enum {
    NAME_SIZE_MAX = 64,
    FEATURES_SIZE_MAX = 512,
};

/* The engine separates features by spaces; a value is one word. */
static void features_line(const struct engine *engine, struct reply *reply) {
    struct bytes features = bytes_from_string(engine_features(engine));
    char word[FEATURES_SIZE_MAX];
    size_t size = features.size < sizeof(word) ? features.size : sizeof(word);
    for (size_t i = 0; i < size; i++) {
        word[i] = features.data[i] == ' ' ? ',' : features.data[i];
    }
    stat_line(reply, "features", size > 0 ? bytes_of(word, size) : bytes_from_string("none"));
}

static void engine_lines(const struct engine *engine, const struct engine_counters *counters,
                         uint64_t conn_memory_size_max, uint64_t now_ns, struct reply *reply) {
    struct engine_kernel_figures kernel = engine_kernel(engine, now_ns);
    stat_word(reply, "transport", engine_transport_name(engine));
    features_line(engine, reply);
    stat_number(reply, "workers", engine_workers_count(engine));
    stat_number(reply, "engine_fixed_memory_size", engine_fixed_memory_size(engine));
    stat_number(reply, "conn_memory", engine_conn_memory_size(engine));
    stat_number(reply, "conn_memory_max", conn_memory_size_max);
    stat_number(reply, "listen_backlog", engine_listen_backlog(engine));
    stat_number(reply, "listen_overflows", kernel.listen_overflows);
    stat_number(reply, "listen_drops", kernel.listen_drops);
#define ENGINE_COUNTER_LINE(name, kind, help) stat_number(reply, #name, counter_read(&counters->name));
    ENGINE_COUNTERS(ENGINE_COUNTER_LINE)
#undef ENGINE_COUNTER_LINE
}

static void command_lines(const struct mc_counts *counts, struct reply *reply) {
#define MC_COUNT_LINE(name, help) stat_number(reply, #name, counts->name);
    MC_COUNTERS(MC_COUNT_LINE)
#undef MC_COUNT_LINE
}

/* Where every byte of the store is; src/store/README.md, "Where every byte is", says what each means. */
static void store_memory_lines(const struct store_levels *store, struct reply *reply) {
    stat_number(reply, "memory_size", store->memory_size);
    stat_number(reply, "memory_size_max", store->memory_size_max);
    stat_number(reply, "small_size", store->small_size);
    stat_number(reply, "main_size", store->main_size);
    stat_number(reply, "open_size", store->open_size);
    stat_number(reply, "free_size", store->free_size);
    stat_number(reply, "retired_size", store->retired_size);
    stat_number(reply, "dead_size", store->dead_size);
    stat_number(reply, "index_size", store->index_size);
    stat_number(reply, "ghosts_size", store->ghosts_size);
    stat_number(reply, "small_target", store->small_target);
    stat_number(reply, "moved_size", store->moved_size);
    stat_number(reply, "segment_size", store->segment_size);
}

static void store_lines(const struct store_levels *store, struct reply *reply) {
    stat_number(reply, "items_count", store->items_count);
    stat_number(reply, "items_size", store->items_size);
    store_memory_lines(store, reply);
    stat_number(reply, "index_power", store->index_power);
    stat_number(reply, "index_growing", store->index_growing);
    stat_number(reply, "epoch", store->epoch);
    stat_number(reply, "flushed_prefixes", store->flushed_prefixes);
    stat_number(reply, "retired_count", store->retired_count);
#define STORE_COUNTER_LINE(name, help) stat_number(reply, #name, counter_read(&store->sums.name));
    STORE_COUNTERS(STORE_COUNTER_LINE)
#undef STORE_COUNTER_LINE
}

static void worker_line(struct reply *reply, unsigned worker_index, const char *what, uint64_t value) {
    char name[NAME_SIZE_MAX];
    snprintf(name, sizeof(name), "worker_%u_%s", worker_index, what);
    stat_number(reply, name, value);
}

/* Since start, whatever was reset: they are there to compare workers. */
static void worker_lines(const struct engine *engine, struct reply *reply) {
    for (unsigned i = 0; i < engine_workers_count(engine); i++) {
        const struct engine_counters *counters = engine_worker_counters(engine, i);
        worker_line(reply, i, "connections", counter_read(&counters->connections_current));
        worker_line(reply, i, "requests", counter_read(&counters->requests));
    }
}

void stats_riposte(struct mc_call *call, struct bytes arguments) {
    struct memcached_service *service = call->worker->service;
    struct reply *reply = call->reply;
    (void)arguments;
    struct mc_totals totals;
    counters_since_reset(service, &totals);
    stat_word(reply, "name", "riposte");
    stat_word(reply, "version", RIPOSTE_VERSION);
    /* relaxed: whatever was said last. */
    stat_number(reply, "verbosity", atomic_load_explicit(&service->verbosity, memory_order_relaxed));
    if (service->engine != NULL) {
        engine_lines(service->engine, &totals.engine, service->config.conn_memory_size_max, call->now_ns,
                     reply);
    }
    stat_number(reply, "prefixes_memory", prefixes_memory_size(service->prefixes));
    stat_number(reply, "auth_files_refused", auth_files_refused(&service->auth));
    command_lines(&totals.commands, reply);
    store_lines(&totals.store, reply);
    if (service->engine != NULL) {
        worker_lines(service->engine, reply);
    }
    stats_end(reply);
}
