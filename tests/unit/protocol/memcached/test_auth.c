/* SPDX-License-Identifier: MIT
 *
 * auth, credentials: who must introduce himself, and how.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"
#include "riposte/record.h"

static char path[] = "/tmp/riposte-test-auth-XXXXXX";
static char message[256];

/* Writes `text` to the file and has it read. */
static int load(const char *text) {
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    return memcached_service_auth_load(server.service, path, message, sizeof(message));
}

static void open_with_file(void) {
    open_all();
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    cr_assert_eq(load("ann:secret\nbob:a:b\r\nlast:line"), 0);
}

static void close_with_file(void) {
    unlink(path);
    close_all();
}

TestSuite(auth, .init = open_with_file, .fini = close_with_file);

#define UNKNOWN "CLIENT_ERROR unauthenticated\r\n"

Test(auth, lets_in_who_knows_name_and_password) {
    talk_check(&talk, "set x 0 0 10\r\nann secret\r\nget a\r\nset a 0 0 1\r\n1\r\n",
               "STORED\r\nEND\r\nSTORED\r\n");
}

Test(auth, takes_any_key_flags_and_time_and_ignores_noreply) {
    talk_check(&talk, "set " KEY_251 " y z 7 noreply\r\nbob a:b\r\nmn\r\n", "STORED\r\nMN\r\n");
}

Test(auth, takes_all_behind_the_first_space_as_the_password) {
    cr_assert_eq(load("foo:bar baz\nlead: x\n"), 0);
    talk_check(&talk, "set x 0 0 11\r\nfoo bar baz\r\nmn\r\n", "STORED\r\nMN\r\n");
    struct talk other;
    talk_open(&other, &server);
    talk_check(&other, "set x 0 0 7\r\nlead  x\r\nmn\r\n", "STORED\r\nMN\r\n");
    talk_close(&other);
}

/* Lets time pass, in steps of what the engine's timer has, until everything that waits is answered. */
static void settle(void) {
    for (int i = 0; i < 200 && !talk.closed; i++) {
        server.now_ns += UINT64_C(10000000);
        talk_step(&talk, false);
    }
}

static void check_late(const char *request, const char *expected) {
    talk_check(&talk, request, "");
    settle();
    struct bytes output = talk_output(&talk);
    cr_assert(bytes_equal_string(output, expected), "%s: %.*s", request, (int)output.size, output.data);
}

Test(auth, refuses_everything_else_and_stays_open) {
    check_late("get a\r\nversion\r\nadd x 0 0 10\r\nann secret\r\n", UNKNOWN UNKNOWN UNKNOWN UNKNOWN);
    cr_assert_not(talk.closed);
    talk_check(&talk, "set x 0 0 10\r\nann secret\r\nmn\r\n", "STORED\r\nMN\r\n");
}

Test(auth, answers_each_failure_later_than_the_one_before) {
    static const unsigned delays_ms[] = {10, 20, 40, 80};
    for (size_t i = 0; i < sizeof(delays_ms) / sizeof(delays_ms[0]); i++) {
        talk_check(&talk, "version\r\n", "");
        unsigned waited_ms = 0;
        while (talk_output(&talk).size == 0) {
            cr_assert_lt(waited_ms, 1000);
            waited_ms++;
            server.now_ns += UINT64_C(1000000);
            talk_step(&talk, false);
        }
        cr_expect(waited_ms + 1 >= delays_ms[i] && waited_ms <= delays_ms[i] + 2, "%u ms: failure %zu",
                  waited_ms, i);
    }
}

#define FAILED "CLIENT_ERROR authentication failure\r\n"

Test(auth, closes_after_five_failures) {
    check_late("set x 0 0 10\r\nann Secret\r\nset x 0 0 9\r\nann secre\r\nset x 0 0 11\r\nann secrets\r\n"
               "set x 0 0 10\r\nbob secret\r\n",
               FAILED FAILED FAILED FAILED);
    cr_expect_not(talk.closed);
    check_late("set x 0 0 5\r\nbob a\r\nset x 0 0 10\r\nann secret\r\n", FAILED);
    cr_expect(talk.closed);
}

Test(auth, takes_the_right_password_behind_four_failures) {
    check_late("version\r\nversion\r\nversion\r\nversion\r\nset x 0 0 10\r\nann secret\r\nmn\r\n",
               UNKNOWN UNKNOWN UNKNOWN UNKNOWN "STORED\r\nMN\r\n");
}

Test(auth, says_what_is_wrong_with_an_introduction) {
    check_late("set x 0 0 6\r\nsecret\r\n", "CLIENT_ERROR bad authentication token format\r\n");
    check_late("set x 0 0 10\r\nann secretxx", "CLIENT_ERROR bad command line termination\r\n");
    check_late("set x 0 0 x\r\n", UNKNOWN);
    check_late("set x 0 0 2147483646\r\n", UNKNOWN);
    check_late("set x 0 0\r\n", UNKNOWN);
}

Test(auth, refuses_a_token_above_1024_bytes_and_skips_it) {
    static char block[1025 + 2];
    memset(block, 'x', 1025);
    memcpy(block + 1025, "\r\n", 2);
    check_late("set x 0 0 1025\r\n", "CLIENT_ERROR auth token too long\r\n");
    talk_send(&talk, bytes_of(block, sizeof(block)));
    talk_check(&talk, "set x 0 0 10\r\nann secret\r\n", "STORED\r\n");
}

Test(auth, quit_works_before_it) {
    talk_check(&talk, "quit\r\n", "");
    cr_expect(talk.closed);
    cr_expect_eq(talk.requests, 1);
}

Test(auth, closes_on_more_than_2048_bytes_that_wait) {
    static char text[2048 + 2];
    memset(text, 'x', sizeof(text));
    memcpy(text, "version\r\n", 9);
    text[2047] = '\n';
    talk_send(&talk, bytes_of(text, 2048)); /* the answer waits, and so does what follows it */
    cr_expect_not(talk.closed);
    talk_send(&talk, bytes_of(text, 1));
    cr_expect(talk.closed);
}

Test(auth, lets_no_more_than_4096_bytes_of_answers_wait) {
    struct talk other;
    talk_open(&other, &server);
    cr_expect_eq(other.reply.unsent_size_lower, 4096);
    talk_check(&other, "set x 0 0 10\r\nann secret\r\n", "STORED\r\n");
    cr_expect_eq(other.reply.unsent_size_lower, 0);
    talk_close(&other);
}

static void login_timeout_3(struct talk_server *changed) {
    changed->config.login_timeout_ms = 3000;
}

Test(auth, must_come_in_time) {
    reopen_with(login_timeout_3);
    cr_assert_eq(load("ann:secret"), 0);
    struct talk known;
    talk_open(&known, &server);
    talk_check(&known, "set x 0 0 10\r\nann secret\r\n", "STORED\r\n");
    talk_check(&talk, "se", "");
    for (int i = 0; i < 3; i++) {
        cr_expect_not(talk.closed, "after %d s", i);
        server.now_ns += UINT64_C(1000000000);
        talk_step(&talk, false);
    }
    cr_expect(talk.closed);
    talk_check(&known, "mn\r\n", "MN\r\n");
    talk_close(&known);
}

Test(auth, that_comes_whole_in_the_first_call_behind_its_time_is_good) {
    reopen_with(login_timeout_3);
    cr_assert_eq(load("ann:secret"), 0);
    talk_check(&talk, "set x 0 0 10\r\nann", "");
    server.now_ns += UINT64_C(5000000000);
    talk_check(&talk, " secret\r\nmn\r\n", "STORED\r\nMN\r\n");
    cr_expect_not(talk.closed);
}

Test(auth, takes_an_introduction_byte_by_byte) {
    static const char text[] = "set x 0 0 10\r\nann secret\r\nmn\r\n";
    for (size_t i = 0; i < strlen(text) - 1; i++) {
        talk_send(&talk, bytes_of(text + i, 1));
    }
    talk_check(&talk, "\n", "STORED\r\nMN\r\n");
}

Test(auth, closes_on_a_line_that_is_too_short) {
    talk_check(&talk, "abc\r\nset x 0 0 10\r\nann secret\r\n", "");
    cr_assert(talk.closed);
}

Test(auth, closes_on_a_line_that_does_not_end) {
    static char line[2048];
    memset(line, 'x', sizeof(line));
    talk_send(&talk, bytes_of(line, 2047));
    cr_assert_not(talk.closed);
    talk_send(&talk, bytes_of(line, 1));
    cr_assert(talk.closed);
}

Test(auth, counts_attempts_and_failures) {
    check_late("set x 0 0 9\r\nann wrong\r\nset x 0 0 10\r\nann secret\r\n", FAILED "STORED\r\n");
    talk_send(&talk, bytes_from_string("stats\r\n"));
    const char *text = talk_output(&talk).data;
    cr_assert_not_null(strstr(text, "STAT auth_cmds 2\r\n"));
    cr_assert_not_null(strstr(text, "STAT auth_errors 1\r\n"));
}

Test(auth, file_is_read_again_and_a_bad_one_leaves_the_old_in_force) {
    static const char *const bad[] = {
        "", "ann\n", "a:b\n\nc:d\n", "a:b\na:b\na:b\na:b\na:b\na:b\na:b\na:b\na:b\n", "x:" KEY_250 "xxxx\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(load(bad[i]), -EINVAL, "%zu", i);
        cr_assert_gt(strlen(message), 0);
    }
    cr_assert_eq(memcached_service_auth_load(server.service, "/nowhere", message, sizeof(message)), -ENOENT);
    struct talk other;
    talk_open(&other, &server);
    talk_check(&other, "set x 0 0 10\r\nann secret\r\nmn\r\n", "STORED\r\nMN\r\n");
    cr_assert_eq(load("ann:other\n"), 0);
    check_late("set x 0 0 10\r\nann secret\r\nset x 0 0 9\r\nann other\r\n", FAILED "STORED\r\n");
    talk_send(&other, bytes_from_string("stats riposte\r\n"));
    cr_expect_not_null(strstr(talk_output(&other).data, "STAT auth_files_refused 6\r\n"));
    talk_close(&other);
}

Test(auth, file_that_is_not_there_is_named) {
    int result = memcached_service_auth_load(server.service, "/nowhere/at/all", message, sizeof(message));
    cr_assert_eq(result, -ENOENT);
    cr_assert_not_null(strstr(message, "/nowhere/at/all"));
}

static struct protocol_loaded loaded;

/* The session of `talk`, which was begun in a server that asked nobody, is loaded in one that does. */
static bool loads_as_stranger(void) {
    struct record_writer writer = {0};
    loaded = (struct protocol_loaded){.next = PROTOCOL_NEXT_INPUT};
    memcached_protocol.session_save(talk.session, &writer, server.worker);
    memset(talk.session, 0, memcached_protocol.session_size);
    cr_assert_eq(load("ann:secret"), 0);
    bool good = memcached_protocol.session_load(talk.session, &talk_peer, bytes_of(writer.data, writer.size),
                                                &loaded, server.worker);
    record_discard(&writer);
    return good;
}

static void open_without_file(void) {
    open_all();
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
}

TestSuite(auth_moved, .init = open_without_file, .fini = close_with_file);

Test(auth_moved, who_comes_from_a_server_that_asked_nobody_must_authenticate) {
    talk_check(&talk, "version\r\n", "VERSION 1.6.45\r\n");
    cr_assert(loads_as_stranger());
    talk_check(&talk, "set who 0 0 10\r\nann secret\r\nget a\r\n", "STORED\r\nEND\r\n");
    talk_send(&talk, bytes_from_string("set a 0 0 1\r\n1\r\n"));
    cr_assert(loads_as_stranger(), "who has authenticated stays so");
    cr_assert_eq(loaded.next, PROTOCOL_NEXT_INPUT, "and nobody waits for it");
}

Test(auth_moved, its_time_runs_though_it_says_nothing) {
    cr_assert(loads_as_stranger());
    cr_assert_eq(loaded.next, PROTOCOL_NEXT_REST);
}

Test(auth_moved, from_its_first_byte_it_has_no_more_than_a_stranger) {
    cr_assert(loads_as_stranger());
    talk_check(&talk, "s", "");
    cr_expect_eq(talk.reply.unsent_size_lower, 4096);
    cr_expect_eq(talk.next, PROTOCOL_NEXT_REST, "its time is running");
    talk_check(&talk, "et who 0 0 10\r\nann secret\r\n", "STORED\r\n");
    cr_expect_eq(talk.reply.unsent_size_lower, 0);
    cr_expect_eq(talk.next, PROTOCOL_NEXT_INPUT);
}

Test(auth_moved, in_the_middle_of_a_value_it_does_not_go_on) {
    talk_send(&talk, bytes_from_string("set a 0 0 10\r\n01234"));
    cr_assert_not(loads_as_stranger());
    memset(talk.session, 0, memcached_protocol.session_size);
}
