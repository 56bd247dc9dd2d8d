/* SPDX-License-Identifier: MIT
 *
 * cmd_watch: what watchers are told of commands, evictions and connections. Seen by one watcher, `watcher`, of
 * what `talk` does.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../fixture.h"

static struct talk watcher;

static void open_both(void) {
    open_all();
    talk_open(&watcher, &server);
}

static void close_both(void) {
    talk_close(&watcher);
    close_all();
}

TestSuite(watching, .init = open_both, .fini = close_both);

/* Takes "ts=<s>.<us> gid=<n> " off a line. */
static const char *headless(const char *line) {
    unsigned long long seconds;
    unsigned long long gid;
    unsigned micros;
    int size = 0;
    sscanf(line, "ts=%llu.%6u gid=%llu %n", &seconds, &micros, &gid, &size);
    cr_assert_gt(size, 0, "%s", line);
    return line + size;
}

/* The watcher gets exactly these lines, each without its head. */
static void expect_lines(const char *expected) {
    talk_step(&watcher, false);
    struct bytes output = talk_output(&watcher);
    char *text = calloc(1, output.size + 1);
    for (char *line = strtok((char *)(uintptr_t)output.data, "\n"); line != NULL && output.size > 0;
         line = strtok(NULL, "\n")) {
        strcat(strcat(text, headless(line)), "\n");
    }
    cr_assert_str_eq(text, expected);
    free(text);
}

/* `talk` does that; the watcher sees this. */
static void expect_seen(const char *request, const char *expected) {
    talk_send(&talk, bytes_from_string(request));
    talk_output(&talk);
    expect_lines(expected);
}

#define FOUND(key, size) "type=item_get key=" key " status=found clsid=1 cfd=999 size=" size "\n"
#define LOST(key, why)   "type=item_get key=" key " status=" why " clsid=0 cfd=999 size=0\n"
#define STORED(key, status, cmd, ttl, size)                                                                  \
    "type=item_store key=" key " status=" status " cmd=" cmd " ttl=" ttl " clsid=1 cfd=999 size=" size "\n"

Test(watching, fetchers_see_gets_of_all_kinds) {
    talk_check(&watcher, "watch fetchers\r\n", "OK\r\n");
    expect_seen("set a%b 0 0 5\r\nhello\r\n", "");
    expect_seen("get a%b\r\nget b\r\n", FOUND("a%25b", "5") LOST("b", "not_found"));
    expect_seen("gets a%b b\r\ngat 0 a%b\r\n",
                FOUND("a%25b", "5") LOST("b", "not_found") FOUND("a%25b", "5"));
    expect_seen("mg a%b\r\nmg b q\r\nme a%b\r\n",
                FOUND("a%25b", "5") LOST("b", "not_found") FOUND("a%25b", "5"));
    expect_seen("mg YSVi b\r\nmg c N0\r\nmg c\r\n",
                FOUND("a%25b", "5") LOST("c", "not_found") FOUND("c", "0"));
}

Test(watching, fetchers_see_what_changes_are_made_to) {
    talk_check(&watcher, "watch\r\n", "OK\r\n");
    expect_seen("set n 0 0 2\r\n10\r\ntouch n 0\r\nincr n 1\r\nma n\r\nmd n\r\ndelete n\r\n",
                FOUND("n", "2") FOUND("n", "2") FOUND("n", "2") FOUND("n", "2") LOST("n", "not_found"));
}

Test(watching, fetchers_see_why_nothing_was_found) {
    talk_check(&watcher, "watch fetchers\r\n", "OK\r\n");
    expect_seen("set a 0 5 1\r\n1\r\nset b 0 0 1\r\n1\r\nset c 0 5 1\r\n1\r\n", "");
    talk_server_advance(&server, 5);
    expect_seen("get a\r\nget a\r\n", LOST("a", "expired") LOST("a", "not_found"));
    expect_seen("set c 0 0 1\r\n1\r\nget x\r\n", LOST("x", "not_found"));
    expect_seen("flush_all\r\nget b x\r\n", LOST("b", "flushed") LOST("x", "not_found"));
}

Test(watching, mutations_see_stores_of_all_kinds) {
    talk_check(&watcher, "watch mutations\r\n", "OK\r\n");
    expect_seen("set a 0 100 1\r\nx\r\nget a\r\n", STORED("a", "stored", "set", "100", "1"));
    expect_seen("add a 0 0 2\r\nxx\r\n", STORED("a", "not_stored", "add", "0", "2"));
    expect_seen("replace b 0 0 1\r\nx\r\n", STORED("b", "not_stored", "replace", "0", "1"));
    expect_seen("append a 0 0 2\r\nxx\r\n", STORED("a", "stored", "append", "0", "3"));
    expect_seen("prepend a 0 0 1 noreply\r\nx\r\n", STORED("a", "stored", "prepend", "0", "4"));
    expect_seen("cas a 0 0 1 1\r\nx\r\n", STORED("a", "exists", "cas", "0", "1"));
    expect_seen("cas b 0 0 1 1\r\nx\r\n", STORED("b", "not_found", "cas", "0", "1"));
    expect_seen("ms a 2 T7\r\nxx\r\nms YQ== 1 b ME q\r\nx\r\n",
                STORED("a", "stored", "set", "7", "2") STORED("a", "not_stored", "add", "0", "1"));
    expect_seen("ma n N9 J123\r\nma n\r\n", STORED("n", "stored", "add", "9", "3"));
}

Test(watching, mutations_see_values_that_come_in_pieces) {
    talk_check(&watcher, "watch mutations\r\n", "OK\r\n");
    expect_seen("set piece 0 0 10\r\n12345", "");
    expect_seen("67890\r\n", STORED("piece", "stored", "set", "0", "10"));
    expect_seen("ms cGllY2U= 2 b I\r\nx", "");
    expect_seen("x\r\n", STORED("piece", "stored", "set", "0", "2"));
}

Test(watching, mutations_see_refused_values) {
    talk_check(&watcher, "watch mutations\r\n", "OK\r\n");
    expect_seen("set a 0 0 2000000\r\n",
                "type=item_store key=a status=too_large cmd=set ttl=0 clsid=0 cfd=999 size=0\n");
}

Test(watching, deletions_see_what_goes) {
    talk_check(&watcher, "watch deletions\r\n", "OK\r\n");
    expect_seen("set a 0 0 3\r\nxxx\r\ndelete a\r\ndelete a\r\nmd a\r\n",
                "type=deleted key=a cmd=delete clsid=1 size=3\n");
    expect_seen("set a 0 0 3\r\nxxx\r\nmd a I\r\nmd a x\r\nmd a C1\r\nmd a\r\n",
                "type=deleted key=a cmd=md clsid=1 size=0\n");
}

static void small_store(struct talk_server *changed) {
    changed->store_config.memory_size_max = (size_t)1 << 20;
    changed->store_config.item_size_max = (size_t)64 << 10;
}

Test(watching, evictions_see_what_is_pushed_out) {
    talk_close(&watcher);
    reopen_with(small_store);
    talk_open(&watcher, &server);
    talk_check(&watcher, "watch evictions\r\n", "OK\r\n");
    char *request = malloc(20100);
    for (int i = 0; i < 100; i++) {
        int size = sprintf(request, "set key%d 0 100 20000 noreply\r\n%020000d\r\n", i, 0);
        talk_send(&talk, bytes_of(request, (size_t)size));
    }
    free(request);
    talk_step(&watcher, false);
    struct bytes output = talk_output(&watcher);
    cr_assert_gt(output.size, 0);
    const char *line = headless(output.data);
    cr_assert_eq(strncmp(line, "type=eviction key=key", 21), 0, "%s", line);
    cr_assert(strstr(line, " fetch=no ttl=100 la=0 clsid=1 size=20000\n") != NULL, "%s", line);
    struct store_levels levels;
    uint64_t count = 0;
    store_stats(server.store, &levels);
    for (const char *at = output.data; (at = strstr(at, "type=eviction")) != NULL; at++) {
        count++;
    }
    cr_expect_eq(count, counter_read(&levels.sums.evictions), "all of them");
}

Test(watching, connevents_see_connections_come_and_go) {
    struct talk third;
    talk_check(&watcher, "watch connevents\r\n", "OK\r\n");
    talk_open(&third, &server);
    expect_lines("type=conn_new rip=unix rport=0 transport=local cfd=999\n");
    talk_close(&third);
    expect_lines("type=conn_close rip=unix rport=0 transport=local reason=normal cfd=999\n");
}

Test(watching, ends_with_the_watcher) {
    talk_check(&watcher, "watch fetchers\r\n", "OK\r\n");
    expect_seen("get a\r\n", LOST("a", "not_found"));
    talk_close(&watcher);
    talk_check(&talk, "get a\r\n", "END\r\n");
    talk_open(&watcher, &server);
    talk_check(&watcher, "watch fetchers\r\n", "OK\r\n");
    expect_lines("");
}

Test(watching, drops_what_the_watcher_says) {
    talk_check(&watcher, "watch mutations\r\nversion\r\nset a 0 0 1\r\n", "OK\r\n");
    talk_check(&watcher, "version\r\n", "");
    cr_expect_eq(watcher.input_size, 0);
    cr_expect(watcher.later && !watcher.again);
}

Test(watching, is_refused_in_the_words_for_each_case) {
    talk_check(&talk, "watch foo\r\nwatch fetchers foo\r\n",
               "ERROR\r\nERROR cannot pipeline other commands before watch\r\n");
    talk_check(&talk, "mn\r\nwatch\r\n", "MN\r\nERROR cannot pipeline other commands before watch\r\n");
    talk_check(&talk, "watch sysevents proxyreqs\r\n", "OK\r\n");
}

static void watch_off(struct talk_server *changed) {
    changed->config.watch_enabled = false;
}

Test(watching, is_refused_where_it_is_turned_off) {
    talk_close(&watcher);
    reopen_with(watch_off);
    talk_open(&watcher, &server);
    talk_check(&talk, "watch\r\nwatch foo\r\n",
               "CLIENT_ERROR watch commands not allowed\r\nCLIENT_ERROR watch commands not allowed\r\n");
}

Test(watching, of_more_than_twenty_is_refused) {
    struct talk many[20];
    for (int i = 0; i < 20; i++) {
        talk_open(&many[i], &server);
        talk_check(&many[i], "watch fetchers\r\n", "OK\r\n");
    }
    talk_check(&talk, "watch fetchers\r\n", "WATCHER_TOO_MANY log watcher limit reached\r\n");
    talk_close(&many[0]);
    talk_check(&talk, "watch fetchers\r\n", "OK\r\n");
    for (int i = 1; i < 20; i++) {
        talk_close(&many[i]);
    }
}

Test(watching, takes_no_more_than_its_ring_for_a_watcher_that_does_not_read) {
    talk_check(&watcher, "watch fetchers\r\n", "OK\r\n");
    for (int i = 0; i < 10000; i++) {
        talk_check(&talk, "get a-key-of-some-length\r\n", "END\r\n");
        talk_step(&watcher, true);
    }
    cr_expect_leq(watcher.reply.unsent_size, (size_t)256 << 10);
    talk_step(&watcher, false);
    talk_output(&watcher);
    talk_step(&watcher, false);
    talk_output(&watcher);
    talk_check(&talk, "get a\r\n", "END\r\n");
    talk_step(&watcher, false);
    cr_expect_eq(strncmp(talk_output(&watcher).data, "skipped=", 8), 0);
    talk_send(&talk, bytes_from_string("stats\r\n"));
    const char *stats = talk_output(&talk).data;
    cr_expect(strstr(stats, "STAT log_watchers 1\r\n") != NULL);
    cr_expect(strstr(stats, "STAT log_worker_written 10001\r\n") != NULL);
    cr_expect(strstr(stats, "STAT log_watcher_skipped 0\r\n") == NULL);
    cr_expect(strstr(stats, "STAT log_watcher_sent 0\r\n") == NULL);
}
