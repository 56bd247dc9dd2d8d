/* SPDX-License-Identifier: MIT
 *
 * stats: names, values and their form.
 */
#include <stdio.h>
#include <stdlib.h>

#include "riposte/clock.h"
#include "riposte/latency.h"
#include "riposte/slow_log.h"
#include "../fixture.h"

TestSuite(stats, .init = open_all, .fini = close_all);

/* README.md, "Statistics". */
static const char *const general_names[] = {
    "pid",
    "uptime",
    "time",
    "version",
    "libevent",
    "pointer_size",
    "rusage_user",
    "rusage_system",
    "max_connections",
    "curr_connections",
    "total_connections",
    "rejected_connections",
    "connection_structures",
    "response_obj_oom",
    "response_obj_count",
    "response_obj_bytes",
    "read_buf_count",
    "read_buf_bytes",
    "read_buf_bytes_free",
    "read_buf_oom",
    "reserved_fds",
    "cmd_get",
    "cmd_set",
    "cmd_flush",
    "cmd_touch",
    "cmd_meta",
    "get_hits",
    "get_misses",
    "get_expired",
    "get_flushed",
    "delete_misses",
    "delete_hits",
    "incr_misses",
    "incr_hits",
    "decr_misses",
    "decr_hits",
    "cas_misses",
    "cas_hits",
    "cas_badval",
    "touch_hits",
    "touch_misses",
    "store_too_large",
    "store_no_memory",
    "auth_cmds",
    "auth_errors",
    "bytes_read",
    "bytes_written",
    "limit_maxbytes",
    "accepting_conns",
    "listen_disabled_num",
    "time_in_listen_disabled_us",
    "threads",
    "conn_yields",
    "hash_power_level",
    "hash_bytes",
    "hash_is_expanding",
    "slab_reassign_rescues",
    "slab_reassign_chunk_rescues",
    "slab_reassign_inline_reclaim",
    "slab_reassign_busy_items",
    "slab_reassign_busy_deletes",
    "slab_reassign_busy_nomem",
    "slab_reassign_last_busy_status",
    "slab_reassign_running",
    "slabs_moved",
    "malloc_fails",
    "log_worker_dropped",
    "log_worker_written",
    "log_watcher_skipped",
    "log_watcher_sent",
    "log_watchers",
    "unexpected_napi_ids",
    "round_robin_fallback",
    "bytes",
    "curr_items",
    "total_items",
    "slab_global_page_pool",
    "expired_unfetched",
    "evicted_unfetched",
    "evictions",
    "reclaimed",
    "crawler_reclaimed",
    "crawler_items_checked",
    "lrutail_reflocked",
    "lru_crawler_running",
    "lru_crawler_starts",
    "lru_maintainer_juggles",
    "evicted_active",
    "moves_to_cold",
    "moves_to_warm",
    "moves_within_lru",
    "direct_reclaims",
    "lru_bumps_dropped",
};
enum { GENERAL_COUNT = sizeof(general_names) / sizeof(general_names[0]) };

static char *ask(const char *request) {
    talk_send(&talk, bytes_from_string(request));
    struct bytes output = talk_output(&talk);
    return strndup(output.data, output.size);
}

/* The value of `name`, or -1. */
static long long value_of(const char *text, const char *name) {
    char pattern[128];
    snprintf(pattern, sizeof(pattern), "STAT %s ", name);
    const char *line = strncmp(text, pattern, strlen(pattern)) == 0 ? text : NULL;
    if (line == NULL) {
        snprintf(pattern, sizeof(pattern), "\r\nSTAT %s ", name);
        line = strstr(text, pattern);
    }
    return line == NULL ? -1 : atoll(line + strlen(pattern));
}

static long long stat(const char *name) {
    char *text = ask("stats\r\n");
    long long value = value_of(text, name);
    free(text);
    return value;
}

/*
 * Every line is `STAT <word> <word>`, names are distinct, the last line is END. Returns the number of names.
 */
static unsigned check_form(char *text) {
    unsigned count = 0;
    size_t size = strlen(text);
    cr_assert(size >= 5 && strcmp(text + size - 5, "END\r\n") == 0);
    char *copy = strndup(text, size - 5);
    for (char *line = copy; *line != '\0';) {
        char *end = strstr(line, "\r\n");
        cr_assert_not_null(end);
        *end = '\0';
        char name[128];
        int behind = 0;
        cr_assert_eq(sscanf(line, "STAT %127s %*s%n", name, &behind), 1, "%s", line);
        cr_assert_eq((size_t)behind, strlen(line), "one word: '%s'", line);
        char twice[160];
        snprintf(twice, sizeof(twice), "\r\nSTAT %s ", name);
        const char *first = strstr(text, twice);
        cr_assert(first == NULL || strstr(first + 1, twice) == NULL, "%s stands twice", name);
        count++;
        line = end + 2;
    }
    free(copy);
    return count;
}

Test(stats, has_exactly_the_names_of_memcached) {
    char *text = ask("stats\r\n");
    cr_assert_eq(check_form(text), GENERAL_COUNT);
    for (size_t i = 0; i < GENERAL_COUNT; i++) {
        cr_assert_neq(value_of(text, general_names[i]), -1, "%s", general_names[i]);
    }
    free(text);
}

Test(stats, with_spaces_behind_it_is_plain_stats) {
    char *text = ask("stats  \r\n");
    cr_assert_eq(check_form(text), GENERAL_COUNT);
    free(text);
}

static void nothing_modern(struct talk_server *changed) {
    changed->config.maxconns_fast = false;
    changed->config.slab_reassign = false;
    changed->config.lru_crawler = false;
    changed->config.lru_maintainer = false;
    changed->config.idle_timeout = true;
}

Test(stats, leaves_groups_out_that_options_turn_off) {
    reopen_with(nothing_modern);
    char *text = ask("stats\r\n");
    cr_assert_eq(check_form(text), GENERAL_COUNT - 9 - 9 - 1 + 1);
    cr_assert_eq(value_of(text, "idle_kicks"), 0);
    cr_assert_eq(value_of(text, "slabs_moved"), -1);
    free(text);
}

static void with_idle_timeout(struct talk_server *changed) {
    changed->config.idle_timeout = true;
}

Test(stats, tells_of_idle_connections_only_where_they_are_closed) {
    reopen_with(with_idle_timeout);
    char *text = ask("stats\r\n");
    cr_assert_eq(check_form(text), GENERAL_COUNT + 1);
    cr_assert_eq(value_of(text, "idle_kicks"), 0);
    free(text);
}

static void write_settings(void *user, uint64_t memory_limit,
                           void (*line)(void *target, const char *name, struct bytes value), void *target) {
    char digits[BYTES_U64_DIGITS_MAX];
    line(target, "maxbytes", bytes_of(digits, bytes_format_u64(digits, memory_limit)));
    line(target, "maxconns_fast", bytes_from_string(user));
}

static void with_settings(struct talk_server *changed) {
    static char word_no[] = "no";
    changed->config.settings = (struct memcached_settings_writer){.write = write_settings, .user = word_no};
}

Test(stats, settings_come_from_whoever_parsed_them) {
    reopen_with(with_settings);
    talk_check(&talk, "stats settings\r\n", "STAT maxbytes 67108864\r\nSTAT maxconns_fast no\r\nEND\r\n");
}

static void with_files(struct talk_server *changed) {
    with_settings(changed);
    changed->config.reserved_size = (size_t)16 << 20;
}

Test(stats, settings_and_general_say_one_limit_before_and_after_cache_memlimit) {
    reopen_with(with_files);
    cr_assert_eq(stat("limit_maxbytes"), (uint64_t)80 << 20);
    talk_check(&talk, "stats settings\r\n", "STAT maxbytes 83886080\r\nSTAT maxconns_fast no\r\nEND\r\n");
    talk_check(&talk, "cache_memlimit 40\r\nstats settings\r\n",
               "OK\r\nSTAT maxbytes 41943040\r\nSTAT maxconns_fast no\r\nEND\r\n");
    cr_assert_eq(stat("limit_maxbytes"), (uint64_t)40 << 20);
}

Test(stats, count_hits_and_misses) {
    talk_check(
        &talk, "set a 0 0 1\r\n1\r\nget a\r\nget a b c\r\ngets a\r\n",
        "STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\nVALUE a 0 1\r\n1\r\nEND\r\nVALUE a 0 1 1\r\n1\r\nEND\r\n");
    cr_assert_eq(stat("cmd_get"), 5);
    cr_assert_eq(stat("get_hits"), 3);
    cr_assert_eq(stat("get_misses"), 2);
    cr_assert_eq(stat("cmd_set"), 1);
    cr_assert_eq(stat("curr_items"), 1);
    cr_assert_eq(stat("total_items"), 1);
    talk_check(&talk, "touch a 0\r\ntouch b 0\r\ngat 0 a b\r\n",
               "TOUCHED\r\nNOT_FOUND\r\nVALUE a 0 1\r\n1\r\nEND\r\n");
    cr_assert_eq(stat("cmd_touch"), 4);
    cr_assert_eq(stat("touch_hits"), 2);
    cr_assert_eq(stat("touch_misses"), 2);
    cr_assert_eq(stat("cmd_get"), 5);
}

Test(stats, count_every_other_command) {
    talk_send(&talk, bytes_from_string("set a 0 0 1\r\n1\r\nincr a 1\r\nincr b 1\r\ndecr a 1\r\ndecr b 1\r\n"
                                       "cas a 0 0 1 99\r\n1\r\ncas b 0 0 1 1\r\n1\r\ndelete a\r\ndelete a\r\n"
                                       "flush_all\r\nadd a 0 0 1\r\n1XX"));
    talk_output(&talk);
    static const struct {
        const char *name;
        long long value;
    } rows[] = {
        {"incr_hits", 1},     {"incr_misses", 1}, {"decr_hits", 1}, {"decr_misses", 1},
        {"cas_badval", 1},    {"cas_misses", 1},  {"cas_hits", 0},  {"delete_hits", 1},
        {"delete_misses", 1}, {"cmd_flush", 1},   {"cmd_set", 4},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_eq(stat(rows[i].name), rows[i].value, "%s is %lld", rows[i].name, stat(rows[i].name));
    }
}

Test(stats, reset_sets_counters_back_and_leaves_levels) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nget a\r\n", "STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n");
    talk_check(&talk, "stats reset\r\n", "RESET\r\n");
    cr_assert_eq(stat("cmd_get"), 0);
    cr_assert_eq(stat("cmd_set"), 0);
    cr_assert_eq(stat("total_items"), 0);
    cr_assert_eq(stat("curr_items"), 1);
    cr_assert_gt(stat("bytes"), 0);
    talk_check(&talk, "get b\r\n", "END\r\n");
    cr_assert_eq(stat("get_misses"), 1);
}

Test(stats, of_riposte_are_single_words_under_distinct_names) {
    char *text = ask("stats riposte\r\n");
    cr_assert_gt(check_form(text), 30);
    cr_assert_neq(value_of(text, "values_pinned"), -1);
    cr_assert_neq(value_of(text, "lock_waits"), -1);
    cr_assert_not_null(strstr(text, "STAT name riposte\r\n"));
    free(text);
}

Test(stats, of_riposte_say_where_the_bytes_of_the_store_are) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    char *text = ask("stats riposte\r\n");
    static const char *const parts[] = {"small_size",   "main_size",  "open_size",  "free_size",
                                        "retired_size", "index_size", "ghosts_size"};
    long long sum = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        cr_assert_geq(value_of(text, parts[i]), 0, "%s", parts[i]);
        sum += value_of(text, parts[i]);
    }
    cr_expect_gt(value_of(text, "open_size"), 0);
    cr_expect_leq(sum, value_of(text, "memory_size"));
    cr_expect_leq(value_of(text, "memory_size"), value_of(text, "memory_size_max"));
    cr_expect_geq(value_of(text, "dead_size"), 0);
    free(text);
}

Test(stats, sizes_are_not_kept) {
    talk_check(&talk, "stats sizes\r\n", "STAT sizes_status disabled\r\nEND\r\n");
}

Test(stats, refuse_unknown_sub_commands) {
    talk_check(&talk, "stats noreply\r\nstats s\r\nstats extstore\r\nstats proxy\r\n",
               "ERROR\r\nERROR\r\nERROR\r\nERROR\r\n");
}

Test(stats, items_and_slabs_are_empty_without_items) {
    talk_check(&talk, "stats items\r\n", "END\r\n");
    char *text = ask("stats slabs\r\n");
    cr_assert_eq(check_form(text), 2);
    cr_assert_eq(value_of(text, "active_slabs"), 0);
    free(text);
}

Test(stats, items_and_slabs_show_one_class) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nget a\r\n", "STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n");
    char *text = ask("stats items\r\n");
    cr_assert_gt(check_form(text), 20);
    cr_assert_eq(value_of(text, "items:1:number"), 1);
    cr_assert_eq(value_of(text, "items:1:evicted"), 0);
    free(text);
    text = ask("stats slabs\r\n");
    cr_assert_eq(check_form(text), 17);
    cr_assert_eq(value_of(text, "1:used_chunks"), 1);
    cr_assert_eq(value_of(text, "1:get_hits"), 1);
    cr_assert_eq(value_of(text, "active_slabs"), 1);
    free(text);
}

static struct latency *latency;
static struct slow_log *slow_log;

static void measure(struct talk_server *changed) {
    latency = latency_create(1);
    slow_log = slow_log_create(1);
    changed->config.latency = latency;
    changed->config.slow_log = slow_log;
}

static void measure_end(void) {
    close_all();
    latency_destroy(latency);
    slow_log_destroy(slow_log);
    open_all();
}

/* The turn of all that was asked so far began `ms` ago. */
static void turn_end(uint64_t ms) {
    latency_record(latency_worker(latency, 0), clock_monotonic_ns() - ms * CLOCK_NS_PER_MS);
}

Test(stats, of_latencies_are_told_by_command) {
    reopen_with(measure);
    talk_check(&talk, "stats latency\r\n", "END\r\n");
    talk_check(&talk, "get a\r\nget b\r\nget a b\r\nset a 0 0 1\r\n1\r\nset a 0 0 1\r\n1\r\n",
               "END\r\nEND\r\nEND\r\nSTORED\r\nSTORED\r\n");
    turn_end(3);
    char *text = ask("stats latency\r\n");
    check_form(text);
    cr_assert_eq(value_of(text, "latency:get:count"), 3);
    cr_assert_eq(value_of(text, "latency:set:count"), 2);
    cr_assert_geq(value_of(text, "latency:set:p50_us"), 3000);
    cr_assert_geq(value_of(text, "latency:get:p99.9_us"), value_of(text, "latency:get:p50_us"));
    cr_assert_geq(value_of(text, "latency:get:max_us"), value_of(text, "latency:get:p99.9_us"));
    cr_assert_eq(value_of(text, "latency:mg:count"), -1);
    free(text);
    measure_end();
}

Test(stats, of_latencies_count_a_value_in_pieces_when_it_is_whole) {
    reopen_with(measure);
    talk_check(&talk, "set a 0 0 10\r\n01234", "");
    turn_end(1);
    struct latency_summary summary;
    latency_read(latency, LATENCY_SET, &summary);
    cr_expect_eq(summary.count, 0);
    talk_check(&talk, "56789\r\nget b\r\n", "STORED\r\nEND\r\n");
    turn_end(1);
    latency_read(latency, LATENCY_SET, &summary);
    cr_expect_eq(summary.count, 1);
    measure_end();
}

Test(stats, of_slow_requests_are_told_newest_first) {
    reopen_with(measure);
    server.now_ns -= CLOCK_NS_PER_S; /* the turn began long ago */
    talk_check(&talk, "set a%b 0 0 3\r\nabc\r\nget a%b\r\nget other a%b\r\n",
               "STORED\r\nVALUE a%b 0 3\r\nabc\r\nEND\r\nVALUE a%b 0 3\r\nabc\r\nEND\r\n");
    char *text = ask("stats slow\r\n");
    check_form(text);
    cr_assert_not_null(strstr(text, "STAT slow:1:command get\r\nSTAT slow:1:key other\r\n"));
    cr_assert_not_null(strstr(text, "STAT slow:2:command get\r\nSTAT slow:2:key a%25b\r\n"));
    cr_assert_not_null(strstr(text, "STAT slow:3:command set\r\nSTAT slow:3:key a%25b\r\n"));
    cr_assert_geq(value_of(text, "slow:1:us"), 1000000);
    cr_assert_lt(value_of(text, "slow:1:own_us"), value_of(text, "slow:1:us"));
    cr_assert_eq(value_of(text, "slow:3:size"), 20 + 8);
    cr_assert_eq(value_of(text, "slow:3:connection"), TALK_FD);
    cr_assert_eq(value_of(text, "slow:4:us"), -1);
    free(text);
    measure_end();
}

static void hide(struct talk_server *changed) {
    measure(changed);
    changed->config.dump_enabled = false;
}

Test(stats, of_slow_requests_are_refused_where_keys_may_not_be_listed) {
    reopen_with(hide);
    talk_check(&talk, "stats slow\r\n", "CLIENT_ERROR stats slow not allowed\r\n");
    measure_end();
}

Test(stats, of_latencies_are_refused_where_nobody_measures) {
    talk_check(&talk, "stats latency\r\nstats slow\r\n",
               "CLIENT_ERROR stats latency not allowed\r\nCLIENT_ERROR stats slow not allowed\r\n");
}
