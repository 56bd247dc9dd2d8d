/* SPDX-License-Identifier: MIT
 *
 * cmd_admin: flush_all, flush_prefix, verbosity, version, quit, cache_memlimit, shutdown, debugtime.
 */
#include <stdio.h>

#include "fixture.h"

#define BAD_DELAY "CLIENT_ERROR invalid exptime argument\r\n"

TestSuite(admin, .init = open_all, .fini = close_all);

Test(admin, flush_all_forgets_everything_and_what_follows_lives) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nflush_all\r\nget a\r\n", "STORED\r\nOK\r\nEND\r\n");
    talk_check(&talk, "set a 0 0 1\r\n2\r\nget a\r\n", "STORED\r\nVALUE a 0 1\r\n2\r\nEND\r\n");
    talk_check(&talk, "flush_all 0\r\nget a\r\n", "OK\r\nEND\r\n");
    talk_check(&talk, "set a 0 0 1\r\n2\r\nflush_all -10 noreply\r\nget a\r\n", "STORED\r\nEND\r\n");
}

Test(admin, flush_all_with_a_delay_waits_for_its_moment) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nflush_all 10\r\nset b 0 0 1\r\n2\r\n",
               "STORED\r\nOK\r\nSTORED\r\n");
    talk_server_advance(&server, 9);
    talk_check(&talk, "get a b\r\n", "VALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\n");
    talk_server_advance(&server, 2);
    talk_check(&talk, "get a b\r\n", "END\r\n");
}

Test(admin, flush_all_refuses_a_delay_that_is_no_number) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    talk_check(&talk, "flush_all x\r\nflush_all noreply x\r\nflush_all x noreply\r\nflush_all 2147483648\r\n",
               BAD_DELAY BAD_DELAY BAD_DELAY);
    talk_check(&talk, "get a\r\n", "VALUE a 0 1\r\n1\r\nEND\r\n");
    talk_check(&talk, "flush_all 0 x y\r\nget a\r\n", "OK\r\nEND\r\n");
}

#define FLUSH_REFUSED "CLIENT_ERROR flush_all not allowed\r\n"

static void flush_off(struct talk_server *changed) {
    changed->config.flush_enabled = false;
}

Test(admin, flush_all_is_refused_where_it_is_turned_off) {
    reopen_with(flush_off);
    talk_check(&talk, "set a 0 0 1\r\n1\r\nflush_all\r\nflush_all 10 noreply\r\nflush_all x\r\nget a\r\n",
               "STORED\r\n" FLUSH_REFUSED FLUSH_REFUSED "VALUE a 0 1\r\n1\r\nEND\r\n");
}

Test(admin, flush_prefix_takes_what_begins_so) {
    talk_check(&talk, "set user:1:a 0 0 1\r\n1\r\nset user:2:a 0 0 1\r\n2\r\nflush_prefix user:1:\r\n",
               "STORED\r\nSTORED\r\nOK\r\n");
    talk_check(&talk, "get user:1:a user:2:a\r\n", "VALUE user:2:a 0 1\r\n2\r\nEND\r\n");
    talk_check(&talk, "set user:1:a 0 0 1\r\n3\r\nget user:1:a\r\n",
               "STORED\r\nVALUE user:1:a 0 1\r\n3\r\nEND\r\n");
    talk_check(&talk, "flush_prefix user: noreply\r\nget user:1:a user:2:a\r\n", "END\r\n");
}

Test(admin, flush_prefix_takes_one_word) {
    char line[300];
    talk_check(&talk, "set noreply 0 0 1\r\n1\r\nflush_prefix noreply\r\nget noreply\r\n",
               "STORED\r\nOK\r\nEND\r\n");
    talk_check(&talk, "flush_prefix\r\nflush_prefix a b\r\nflush_prefix a noreply b\r\n",
               BAD_FORMAT BAD_FORMAT BAD_FORMAT);
    snprintf(line, sizeof(line), "flush_prefix %0250d\r\n", 0);
    talk_check(&talk, line, "OK\r\n");
    snprintf(line, sizeof(line), "flush_prefix %0251d\r\n", 0);
    talk_check(&talk, line, BAD_FORMAT);
}

Test(admin, flush_prefix_is_refused_where_flush_all_is) {
    reopen_with(flush_off);
    talk_check(&talk, "set a 0 0 1\r\n1\r\nflush_prefix a\r\nflush_prefix a noreply\r\nget a\r\n",
               "STORED\r\nCLIENT_ERROR flush_prefix not allowed\r\nVALUE a 0 1\r\n1\r\nEND\r\n");
}

Test(admin, flush_prefix_is_refused_when_4096_are_remembered) {
    char prefix[8];
    for (unsigned i = 0; i < STORE_FLUSHED_PREFIXES_MAX; i++) {
        snprintf(prefix, sizeof(prefix), "p%04u", i);
        cr_assert_eq(store_flush_prefix(server.store_worker, bytes_from_string(prefix)), STORE_FLUSHED);
    }
    talk_check(&talk, "flush_prefix q\r\nflush_prefix q noreply\r\n",
               "SERVER_ERROR too many flushed prefixes\r\n");
    talk_check(&talk, "flush_prefix p\r\nflush_prefix q\r\n", "OK\r\nOK\r\n");
}

Test(admin, verbosity_is_accepted) {
    talk_check(&talk, "verbosity 1\r\nverbosity 99\r\nverbosity 1 noreply\r\n", "OK\r\nOK\r\n");
    talk_check(&talk, "verbosity\r\nverbosity x\r\nverbosity noreply\r\nverbosity foo bar my\r\n",
               BAD_FORMAT BAD_FORMAT BAD_FORMAT);
}

Test(admin, version_is_three_numbers_whatever_is_asked) {
    talk_check(&talk, "version\r\nversion foo\r\nversion noreply\r\n",
               "VERSION 1.6.45\r\nVERSION 1.6.45\r\nVERSION 1.6.45\r\n");
}

Test(admin, quit_sends_earlier_answers_and_drops_later_requests) {
    talk_check(&talk, "version\r\nquit\r\nversion\r\n", "VERSION 1.6.45\r\n");
    cr_assert(talk.closed);
}

Test(admin, quit_ignores_words_behind_it) {
    talk_check(&talk, "quit now noreply\r\nversion\r\n", "");
    cr_assert(talk.closed);
}

Test(admin, cache_memlimit_changes_the_bound_on_memory) {
    talk_check(&talk, "cache_memlimit 32\r\n", "OK\r\n");
    struct store_levels levels;
    store_stats(server.store, &levels);
    cr_assert_eq(levels.memory_size_max, (size_t)32 << 20);
    talk_check(&talk, "cache_memlimit 16 noreply\r\n", "");
    store_stats(server.store, &levels);
    cr_assert_eq(levels.memory_size_max, (size_t)16 << 20);
    talk_check(&talk, "cache_memlimit 7\r\n", "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n");
    talk_check(&talk, "cache_memlimit 1000000001\r\n",
               "MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\n");
    talk_check(&talk, "cache_memlimit x\r\ncache_memlimit\r\n", "ERROR\r\n" BAD_FORMAT);
}

static int stops; /* 1: at once, 2: graceful */

static void stop(void *user, bool graceful) {
    (void)user;
    stops = graceful ? 2 : 1;
}

static void shutdown_on(struct talk_server *changed) {
    changed->config.shutdown_enabled = true;
    changed->config.stop = stop;
}

Test(admin, shutdown_is_refused_unless_it_is_enabled) {
    talk_check(&talk, "shutdown\r\nshutdown graceful\r\nshutdown x\r\n",
               "SERVER_ERROR: shutdown not enabled\r\nSERVER_ERROR: shutdown not enabled\r\n"
               "SERVER_ERROR: shutdown not enabled\r\n");
}

Test(admin, shutdown_stops_without_a_word) {
    reopen_with(shutdown_on);
    talk_check(&talk, "shutdown x\r\n", "CLIENT_ERROR invalid shutdown mode\r\n");
    cr_assert_eq(stops, 0);
    talk_check(&talk, "shutdown\r\n", "");
    cr_assert_eq(stops, 1);
    talk_check(&talk, "shutdown graceful\r\n", "");
    cr_assert_eq(stops, 2);
}

Test(admin, debugtime_moves_the_clock) {
    talk_check(&talk, "set a 0 100 1\r\n1\r\ndebugtime 99\r\n", "STORED\r\nOK\r\n");
    talk_check(&talk, "mg a t\r\ndebugtime 1\r\n", "HD t1\r\nOK\r\n");
    talk_check(&talk, "mg a t\r\ndebugtime x\r\ndebugtime\r\n", "EN\r\nERROR\r\nERROR\r\n");
}

Test(admin, debugtime_stops_and_restarts_the_clock) {
    talk_check(&talk, "set a 0 1000 1\r\n1\r\ndebugtime p\r\n", "STORED\r\nOK\r\n");
    server.now_ns += (uint64_t)3600 * 1000 * 1000 * 1000;
    talk_check(&talk, "mg a\r\ndebugtime p\r\n", "HD\r\nOK\r\n");
    talk_check(&talk, "debugtime r\r\nmn\r\n", "OK\r\nMN\r\n");
    talk_check(&talk, "mg a\r\ndebugtime pr\r\n", "EN\r\nERROR\r\n");
}

static void no_debug(struct talk_server *changed) {
    changed->config.debug_commands = false;
}

Test(admin, debugtime_is_unknown_outside_of_test_builds) {
    reopen_with(no_debug);
    talk_check(&talk, "debugtime 1\r\n", "ERROR\r\n");
}

Test(admin, commands_of_what_is_not_here_are_unknown) {
    talk_check(&talk, "refresh_certs\r\nextstore free_memchunks 1 2\r\n", "ERROR\r\nERROR\r\n");
}

static void limit_64_mib(struct talk_server *changed) {
    changed->config.memory_limit = (size_t)64 << 20;
}

static void limit_64_mib_with_shutdown(struct talk_server *changed) {
    limit_64_mib(changed);
    changed->config.shutdown_enabled = true;
}

Test(admin, cache_memlimit_goes_beyond_m_with_a_only) {
    reopen_with(limit_64_mib);
    talk_check(&talk, "cache_memlimit 64\r\n", "OK\r\n");
    talk_check(&talk, "cache_memlimit 65\r\n",
               "MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust\r\n");
    reopen_with(limit_64_mib_with_shutdown);
    talk_check(&talk, "cache_memlimit 65\r\n", "OK\r\n");
}
