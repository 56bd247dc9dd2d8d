/* SPDX-License-Identifier: MIT
 *
 * general: plain `stats`: the names of memcached 1.6.45, in its order (README.md, "Statistics"). Some groups
 * of names are left out by options, as there.
 */
#include <stdio.h>
#include <unistd.h>

#include "riposte/clock.h"
#include "stats.h"

/* The index counts buckets of eight; memcached's power is of single entries. */
enum { BUCKET_ENTRIES_POWER = 3 };

static void stat_time(struct reply *reply, const char *name, const struct timeval *time) {
    char text[48];
    int size = snprintf(text, sizeof(text), "%lld.%06lld", (long long)time->tv_sec, (long long)time->tv_usec);
    stat_line(reply, name, bytes_of(text, (size_t)size));
}

static void process_lines(const struct memcached_service *service, const struct rusage *usage,
                          struct reply *reply) {
    stat_number(reply, "pid", (uint64_t)getpid());
    stat_number(reply, "uptime", (clock_monotonic_ns() - service->start_ns) / CLOCK_NS_PER_S);
    stat_number(reply, "time", clock_real_ns() / CLOCK_NS_PER_S);
    stat_word(reply, "version", MEMCACHED_VERSION);
    stat_number(reply, "libevent", 0);
    stat_number(reply, "pointer_size", sizeof(void *) * 8);
    stat_time(reply, "rusage_user", &usage->ru_utime);
    stat_time(reply, "rusage_system", &usage->ru_stime);
}

static void connection_lines(const struct memcached_service *service, const struct engine_counters *engine,
                             struct reply *reply) {
    static const char *const zeros[] = {"response_obj_oom", "response_obj_count", "response_obj_bytes",
                                        "read_buf_count",   "read_buf_bytes",     "read_buf_bytes_free",
                                        "read_buf_oom",     "reserved_fds"};
    stat_number(reply, "max_connections", service->config.connections_max);
    stat_number(reply, "curr_connections", counter_read(&engine->connections_current));
    stat_number(reply, "total_connections", counter_read(&engine->connections_accepted));
    if (service->config.maxconns_fast) {
        stat_number(reply, "rejected_connections", counter_read(&engine->connections_rejected));
    }
    stat_number(reply, "connection_structures", counter_read(&engine->connections_slots));
    STAT_ZEROS(reply, zeros);
}

static void command_lines(const struct mc_counts *counts, const struct store_levels *store,
                          struct reply *reply) {
    stat_number(reply, "cmd_get", counts->get_hits + counts->get_misses);
    stat_number(reply, "cmd_set", counts->cmd_set);
    stat_number(reply, "cmd_flush", counts->cmd_flush);
    stat_number(reply, "cmd_touch", counts->touch_hits + counts->touch_misses);
    stat_number(reply, "cmd_meta", counts->cmd_meta);
    stat_number(reply, "get_hits", counts->get_hits);
    stat_number(reply, "get_misses", counts->get_misses);
    stat_number(reply, "get_expired", counter_read(&store->sums.get_expired));
    stat_number(reply, "get_flushed", counter_read(&store->sums.get_flushed));
    stat_number(reply, "delete_misses", counts->delete_misses);
    stat_number(reply, "delete_hits", counts->delete_hits);
    stat_number(reply, "incr_misses", counts->incr_misses);
    stat_number(reply, "incr_hits", counts->incr_hits);
    stat_number(reply, "decr_misses", counts->decr_misses);
    stat_number(reply, "decr_hits", counts->decr_hits);
    stat_number(reply, "cas_misses", counts->cas_misses);
    stat_number(reply, "cas_hits", counts->cas_hits);
    stat_number(reply, "cas_badval", counts->cas_badval);
    stat_number(reply, "touch_hits", counts->touch_hits);
    stat_number(reply, "touch_misses", counts->touch_misses);
    stat_number(reply, "store_too_large", counter_read(&store->sums.too_large));
    stat_number(reply, "store_no_memory", counter_read(&store->sums.no_memory) + counts->values_refused);
    stat_number(reply, "auth_cmds", counts->auth_cmds);
    stat_number(reply, "auth_errors", counts->auth_errors);
}

static void service_lines(const struct memcached_service *service, const struct mc_totals *totals,
                          struct reply *reply) {
    unsigned threads =
        service->engine != NULL ? engine_workers_count(service->engine) : service->config.workers_max;
    stat_number(reply, "bytes_read", counter_read(&totals->engine.bytes_read));
    stat_number(reply, "bytes_written", counter_read(&totals->engine.bytes_written));
    stat_number(reply, "limit_maxbytes", totals->store.memory_size_max + service_reserved_size(service));
    stat_number(reply, "accepting_conns", 1);
    stat_number(reply, "listen_disabled_num", counter_read(&totals->engine.accept_backoffs));
    stat_number(reply, "time_in_listen_disabled_us", 0);
    stat_number(reply, "threads", threads);
    stat_number(reply, "conn_yields", counter_read(&totals->engine.yields));
    stat_number(reply, "hash_power_level", totals->store.index_power + BUCKET_ENTRIES_POWER);
    stat_number(reply, "hash_bytes", totals->store.index_size);
    stat_number(reply, "hash_is_expanding", totals->store.index_growing);
}

static void slab_lines(const struct memcached_config *config, struct reply *reply) {
    static const char *const slabs[] = {
        "slab_reassign_rescues",          "slab_reassign_chunk_rescues", "slab_reassign_inline_reclaim",
        "slab_reassign_busy_items",       "slab_reassign_busy_deletes",  "slab_reassign_busy_nomem",
        "slab_reassign_last_busy_status", "slab_reassign_running",       "slabs_moved"};
    if (config->slab_reassign) {
        STAT_ZEROS(reply, slabs);
    }
    if (config->lru_crawler) {
        stat_number(reply, "lru_crawler_running", 0);
        stat_number(reply, "lru_crawler_starts", 0);
    }
    if (config->lru_maintainer) {
        stat_number(reply, "lru_maintainer_juggles", 0);
    }
}

static void log_lines(struct memcached_service *service, const struct mc_counts *counts,
                      struct reply *reply) {
    stat_number(reply, "malloc_fails", 0);
    stat_number(reply, "log_worker_dropped", 0); /* there is one buffer for each watcher, none for workers */
    stat_number(reply, "log_worker_written", counts->log_written);
    stat_number(reply, "log_watcher_skipped", counts->log_skipped);
    stat_number(reply, "log_watcher_sent", counts->log_sent);
    stat_number(reply, "log_watchers", watch_count(&service->watch));
    stat_number(reply, "unexpected_napi_ids", 0);
    stat_number(reply, "round_robin_fallback", 0);
}

static void item_lines(const struct memcached_config *config, const struct store_levels *store,
                       struct reply *reply) {
    static const char *const moves[] = {"moves_to_cold", "moves_to_warm", "moves_within_lru",
                                        "direct_reclaims", "lru_bumps_dropped"};
    stat_number(reply, "bytes", store->items_size);
    stat_number(reply, "curr_items", store->items_count);
    stat_number(reply, "total_items", store_items_stored(&store->sums));
    stat_number(reply, "slab_global_page_pool", 0);
    stat_number(reply, "expired_unfetched", counter_read(&store->sums.expired_unfetched));
    stat_number(reply, "evicted_unfetched", counter_read(&store->sums.evicted_unfetched));
    if (config->lru_maintainer) {
        stat_number(reply, "evicted_active", counter_read(&store->sums.evicted_active));
    }
    stat_number(reply, "evictions", counter_read(&store->sums.evictions));
    stat_number(reply, "reclaimed", counter_read(&store->sums.reclaimed));
    stat_number(reply, "crawler_reclaimed", counter_read(&store->sums.swept));
    stat_number(reply, "crawler_items_checked", counter_read(&store->sums.sweep_checked));
    stat_number(reply, "lrutail_reflocked", 0);
    if (config->lru_maintainer) {
        STAT_ZEROS(reply, moves);
    }
}

static void more_line(void *target, const char *name, struct bytes value) {
    stat_line(target, name, value);
}

void stats_general(struct mc_call *call, struct bytes arguments) {
    struct memcached_service *service = call->worker->service;
    struct reply *reply = call->reply;
    (void)arguments;
    struct mc_totals totals;
    counters_since_reset(service, &totals);
    struct engine_kernel_figures kernel = {.listens_known = false};
    if (service->engine != NULL) {
        kernel = engine_kernel(service->engine, call->now_ns);
    }
    process_lines(service, &kernel.usage, reply);
    connection_lines(service, &totals.engine, reply);
    command_lines(&totals.commands, &totals.store, reply);
    if (service->config.idle_timeout) {
        stat_number(reply, "idle_kicks", counter_read(&totals.engine.closed_idle));
    }
    service_lines(service, &totals, reply);
    slab_lines(&service->config, reply);
    log_lines(service, &totals.commands, reply);
    item_lines(&service->config, &totals.store, reply);
    if (service->config.more_stats.write != NULL) {
        service->config.more_stats.write(service->config.more_stats.user, more_line, reply);
    }
    stats_end(reply);
}
