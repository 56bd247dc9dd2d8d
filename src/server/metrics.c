/* SPDX-License-Identifier: MIT
 *
 * metrics: rows of process, store and engine, worker by worker where it matters. See metrics.h.
 */
#include "metrics.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "riposte/clock.h"
#include "riposte/store.h"
#include "server.h"

/* Where rows go. */
struct rows {
    void (*row)(void *target, const struct metrics_row *row);
    void *target;
};

static void count(const struct rows *rows, const char *name, const char *help, double value) {
    rows->row(rows->target,
              &(struct metrics_row){.name = name, .help = help, .kind = METRICS_COUNTER, .value = value});
}

static void level(const struct rows *rows, const char *name, const char *help, double value) {
    rows->row(rows->target,
              &(struct metrics_row){.name = name, .help = help, .kind = METRICS_GAUGE, .value = value});
}

static double seconds_of(const struct timeval *time) {
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void process_rows(const struct server *server, const struct rows *rows) {
    struct engine_kernel_figures kernel = engine_kernel(server->engine, clock_monotonic_ns());
    uint64_t now_s = clock_real_ns() / CLOCK_NS_PER_S;
    level(rows, "memcached_up", "always 1: whoever reads this was answered", 1);
    level(rows, "memcached_uptime_seconds", "seconds since the start",
          (double)(clock_monotonic_ns() - server->start_ns) / (double)CLOCK_NS_PER_S);
    level(rows, "memcached_time_seconds", "the server's clock", (double)now_s);
    count(rows, "memcached_process_user_cpu_seconds_total", "CPU time of the process outside the kernel",
          seconds_of(&kernel.usage.ru_utime));
    count(rows, "memcached_process_system_cpu_seconds_total", "CPU time of the process inside the kernel",
          seconds_of(&kernel.usage.ru_stime));
    rows->row(rows->target, &(struct metrics_row){.name = "riposte_info",
                                                  .help = "always 1; the label tells the version",
                                                  .labels = {{"version", RIPOSTE_VERSION}},
                                                  .kind = METRICS_GAUGE,
                                                  .value = 1});
}

static void store_rows(const struct server *server, const struct rows *rows) {
    struct store_levels levels;
    store_stats(server->store, &levels);
    level(rows, "memcached_current_bytes", "bytes of items", (double)levels.items_size);
    level(rows, "memcached_limit_bytes", "bytes that items and index may take",
          (double)levels.memory_size_max);
    level(rows, "memcached_current_items", "items in the store", (double)levels.items_count);
    level(rows, "memcached_item_max_bytes", "largest item, header and key included",
          (double)server->options.max_item_size);
    count(rows, "memcached_items_total", "items ever stored", (double)store_items_stored(&levels.sums));
    count(rows, "memcached_items_evicted_total", "live items pushed out for want of memory",
          (double)counter_read(&levels.sums.evictions));
    count(rows, "memcached_items_reclaimed_total", "expired or flushed items whose memory was taken again",
          (double)counter_read(&levels.sums.reclaimed));
    level(rows, "riposte_store_memory_bytes", "bytes charged to the store: segments, index, ghosts",
          (double)levels.memory_size);
    level(rows, "riposte_store_index_bytes", "bytes of the index", (double)levels.index_size);
    level(rows, "riposte_store_retired_segments", "segments that wait until nobody can read them",
          (double)levels.retired_count);
    level(rows, "riposte_store_flushed_prefixes", "flushed prefixes that are remembered",
          (double)levels.flushed_prefixes);
#define STORE_ROW(name, help)                                                                                \
    count(rows, "riposte_store_" #name "_total", help, (double)counter_read(&levels.sums.name));
    STORE_COUNTERS(STORE_ROW)
#undef STORE_ROW
}

static void engine_rows(const struct server *server, const struct rows *rows) {
    struct engine_counters sum;
    engine_counters_sum(server->engine, &sum);
    level(rows, "memcached_current_connections", "connections open now",
          (double)counter_read(&sum.connections_current));
    count(rows, "memcached_connections_total", "connections accepted since start",
          (double)counter_read(&sum.connections_accepted));
    count(rows, "memcached_connections_rejected_total",
          "connections turned away because of the connection limit",
          (double)counter_read(&sum.connections_rejected));
    count(rows, "memcached_connections_yielded_total",
          "times a connection had used its requests of a turn and others went first",
          (double)counter_read(&sum.yields));
    count(rows, "memcached_connections_listener_disabled_total",
          "pauses of accepting for want of descriptors or memory",
          (double)counter_read(&sum.accept_backoffs));
    level(rows, "memcached_max_connections", "connections allowed at a time",
          (double)server->options.conn_limit);
    count(rows, "memcached_read_bytes_total", "bytes received", (double)counter_read(&sum.bytes_read));
    count(rows, "memcached_written_bytes_total", "bytes the kernel took",
          (double)counter_read(&sum.bytes_written));
    level(rows, "riposte_engine_fixed_memory_bytes", "bytes of buffers and rings taken at start",
          (double)engine_fixed_memory_size(server->engine));
    struct engine_kernel_figures kernel = engine_kernel(server->engine, clock_monotonic_ns());
    if (kernel.listens_known) {
        count(rows, "riposte_listen_overflows_total",
              "connections that found the accept queue full, in this network namespace",
              (double)kernel.listen_overflows);
    }
}

enum { ROW_NAME_SIZE_MAX = 64 };

/* Prometheus wants base units: what counts microseconds or nanoseconds is told in seconds. Returns what a count is worth. */
static double row_name(char row[ROW_NAME_SIZE_MAX], const char *name) {
    static const char total[] = "_total";
    const size_t total_size = sizeof(total) - 1, unit_size = 3; /* _us, _ns */
    size_t size = strlen(name);
    bool is_total = size > total_size && strcmp(name + size - total_size, total) == 0;
    size_t stem_size = size - (is_total ? total_size : 0);
    bool is_us = stem_size > unit_size && memcmp(name + stem_size - unit_size, "_us", unit_size) == 0;
    bool is_ns = stem_size > unit_size && memcmp(name + stem_size - unit_size, "_ns", unit_size) == 0;
    snprintf(row, ROW_NAME_SIZE_MAX, "%.*s%s%s", (int)(is_us || is_ns ? stem_size - unit_size : stem_size),
             name, is_us || is_ns ? "_seconds" : "", is_total ? total : "");
    return is_us ? 1e-6 : is_ns ? 1e-9 : 1;
}

/* One counter, worker by worker. */
static void worker_rows(const struct server *server, const struct rows *rows, const char *counter_name,
                        const char *help, enum metrics_kind kind, size_t offset) {
    char name[ROW_NAME_SIZE_MAX];
    double unit = row_name(name, counter_name);
    for (unsigned i = 0; i < engine_workers_count(server->engine); i++) {
        char worker[16];
        const char *counters = (const char *)engine_worker_counters(server->engine, i);
        const struct counter *counter = (const struct counter *)(const void *)(counters + offset);
        snprintf(worker, sizeof(worker), "%u", i);
        rows->row(rows->target, &(struct metrics_row){.name = name,
                                                      .help = help,
                                                      .labels = {{"worker", worker}},
                                                      .kind = kind,
                                                      .value = unit * (double)counter_read(counter)});
    }
}

#define NAME_OF_LEVEL(name) "riposte_engine_" #name
#define NAME_OF_MOST(name)  "riposte_engine_" #name
#define NAME_OF_COUNT(name) "riposte_engine_" #name "_total"
#define KIND_OF_LEVEL       METRICS_GAUGE
#define KIND_OF_MOST        METRICS_GAUGE
#define KIND_OF_COUNT       METRICS_COUNTER

static void write_rows(void *user, void (*row)(void *target, const struct metrics_row *row), void *target) {
    const struct server *server = user;
    const struct rows rows = {row, target};
    process_rows(server, &rows);
    store_rows(server, &rows);
    engine_rows(server, &rows);
#define ENGINE_ROW(name, kind, help)                                                                         \
    worker_rows(server, &rows, NAME_OF_##kind(name), help, KIND_OF_##kind,                                   \
                offsetof(struct engine_counters, name));
    ENGINE_COUNTERS(ENGINE_ROW)
#undef ENGINE_ROW
}

struct metrics_source metrics_of_server(const struct server *server) {
    return (struct metrics_source){.write = write_rows, .user = (void *)(uintptr_t)server};
}
