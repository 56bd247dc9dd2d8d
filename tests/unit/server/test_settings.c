/* SPDX-License-Identifier: MIT
 *
 * The lines of `stats settings`: every name of src/protocol/memcached/README.md, "Statistics", once, in order, with a value of one word.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "settings.h"

/* Letter for letter. */
static const char names[] =
    "maxbytes maxconns tcpport udpport inter verbosity oldest evictions domain_socket umask shutdown_command "
    "growth_factor "
    "chunk_size num_threads num_threads_per_udp stat_key_prefix detail_enabled reqs_per_event cas_enabled "
    "tcp_backlog "
    "binding_protocol auth_enabled_sasl auth_enabled_ascii item_size_max maxconns_fast hashpower_init "
    "slab_reassign "
    "slab_automove slab_automove_ratio slab_automove_window slab_chunk_max lru_crawler lru_crawler_sleep "
    "lru_crawler_tocrawl "
    "tail_repair_time flush_enabled dump_enabled hash_algorithm lru_maintainer_thread lru_segmented "
    "hot_lru_pct warm_lru_pct "
    "hot_max_factor warm_max_factor temp_lru temporary_ttl idle_timeout watcher_logbuf_size "
    "worker_logbuf_size "
    "read_buf_mem_limit track_sizes inline_ascii_response num_napi_ids memory_file client_flags_size";

static struct options options;
static char lines[8192];

static void line_append(void *target, const char *name, struct bytes value) {
    size_t at = strlen(lines);
    cr_assert_eq(target, lines);
    cr_assert_gt(value.size, 0, "%s is empty", name);
    cr_assert_null(memchr(value.data, ' ', value.size), "%s is no word", name);
    snprintf(lines + at, sizeof(lines) - at, "%s %.*s\n", name, (int)value.size, value.data);
}

/* The lines for a command line of up to 8 arguments. */
static void settings_of(const char *const *arguments, int count) {
    struct failure failure = {0};
    cr_assert_eq(options_table_read(&options, count, arguments, &failure), OPTIONS_COMPLETE, "%s",
                 failure.text);
    lines[0] = '\0';
    settings_write(&options, options.memory_limit, line_append, lines);
}

static void expect_line(const char *line) {
    char whole[128];
    snprintf(whole, sizeof(whole), "\n%s\n", line);
    cr_expect_not_null(strstr(lines, whole), "no line \"%s\" in:\n%s", line, lines);
}

Test(settings, have_every_name_in_its_order) {
    settings_of((const char *const[]){"riposte"}, 1);
    char found[4096] = "";
    char *rest = lines;
    for (char *line = strsep(&rest, "\n"); line != NULL && *line != '\0'; line = strsep(&rest, "\n")) {
        snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%.*s", *found == '\0' ? "" : " ",
                 (int)strcspn(line, " "), line);
    }
    cr_expect_str_eq(found, names);
}

Test(settings, say_what_holds_without_flags) {
    settings_of((const char *const[]){"riposte"}, 1);
    cr_expect_eq(strncmp(lines, "maxbytes 67108864\n", strlen("maxbytes 67108864\n")), 0);
    static const char *const expected[] = {"maxconns 16384",
                                           "tcpport 11211",
                                           "inter NULL",
                                           "evictions on",
                                           "auth_enabled_ascii no",
                                           "domain_socket NULL",
                                           "umask 700",
                                           "shutdown_command no",
                                           "growth_factor 1.25",
                                           "detail_enabled no",
                                           "stat_key_prefix :",
                                           "cas_enabled yes",
                                           "binding_protocol auto-negotiate",
                                           "item_size_max 1048576",
                                           "maxconns_fast yes",
                                           "hashpower_init 13",
                                           "slab_automove 1",
                                           "slab_chunk_max 524288",
                                           "lru_crawler yes",
                                           "hot_max_factor 0.20",
                                           "watcher_logbuf_size 262144",
                                           "memory_file (null)",
                                           "flush_enabled yes",
                                           "dump_enabled yes",
                                           "idle_timeout 0"};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        expect_line(expected[i]);
    }
}

Test(settings, follow_the_command_line) {
    settings_of((const char *const[]){"riposte", "-MFXAC", "-l127.0.0.1,[::1]:80", "-lhost", "-D.", "-Bascii",
                                      "-s/tmp/a b", "-m1g",
                                      "-oidle_timeout=9,no_lru_crawler,no_slab_automove", "-Y/tmp/passwords"},
                10);
    static const char *const expected[] = {"evictions off",          "flush_enabled no",
                                           "dump_enabled no",        "shutdown_command yes",
                                           "cas_enabled no",         "inter 127.0.0.1,[::1]:80,host",
                                           "stat_key_prefix .",      "detail_enabled yes",
                                           "binding_protocol ascii", "domain_socket /tmp/a_b",
                                           "idle_timeout 9",         "lru_crawler no",
                                           "slab_automove 0",        "auth_enabled_ascii /tmp/passwords"};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        expect_line(expected[i]);
    }
    cr_expect_eq(strncmp(lines, "maxbytes 1073741824\n", strlen("maxbytes 1073741824\n")), 0);
}

Test(settings, say_the_memory_limit_that_holds_now) {
    settings_of((const char *const[]){"riposte", "-m1g"}, 2);
    lines[0] = '\0';
    settings_write(&options, 42, line_append, lines);
    cr_expect_eq(strncmp(lines, "maxbytes 42\n", strlen("maxbytes 42\n")), 0);
}

Test(settings, cut_a_list_that_is_too_long_instead_of_overrunning) {
    char host[300];
    memset(host, 'h', sizeof(host) - 1);
    memcpy(host, "-l", 2);
    host[sizeof(host) - 1] = '\0';
    settings_of((const char *const[]){"riposte", host, host, host}, 4);
    cr_expect_not_null(strstr(lines, "\ninter hhhh"));
}
