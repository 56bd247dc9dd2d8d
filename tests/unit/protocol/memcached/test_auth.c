/* SPDX-License-Identifier: MIT
 *
 * auth, credentials: who must introduce himself, and how.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"

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

Test(auth, ignores_spaces_and_further_words_of_the_introduction) {
    talk_check(&talk, "set x 0 0 17\r\nlast   line   foo\r\nmn\r\n", "STORED\r\nMN\r\n");
}

Test(auth, refuses_everything_else_and_stays_open) {
    talk_check(&talk, "get a\r\nversion\r\nadd x 0 0 10\r\nann secret\r\nGET / HTTP/1.1\r\nquit\r\n",
               UNKNOWN UNKNOWN UNKNOWN UNKNOWN UNKNOWN UNKNOWN);
    cr_assert_not(talk.closed);
    talk_check(&talk, "set x 0 0 10\r\nann secret\r\nmn\r\n", "STORED\r\nMN\r\n");
}

Test(auth, refuses_wrong_names_and_passwords) {
    talk_check(&talk,
               "set x 0 0 10\r\nann Secret\r\nset x 0 0 9\r\nann secre\r\nset x 0 0 11\r\nann secrets\r\n"
               "set x 0 0 10\r\nbob secret\r\nset x 0 0 5\r\nbob a\r\n",
               "CLIENT_ERROR authentication failure\r\nCLIENT_ERROR authentication failure\r\n"
               "CLIENT_ERROR authentication failure\r\nCLIENT_ERROR authentication failure\r\n"
               "CLIENT_ERROR authentication failure\r\n");
}

Test(auth, says_what_is_wrong_with_an_introduction) {
    talk_check(&talk, "set x 0 0 6\r\nsecret\r\n", "CLIENT_ERROR bad authentication token format\r\n");
    talk_check(&talk, "set x 0 0 10\r\nann secretxx", "CLIENT_ERROR bad command line termination\r\n");
    talk_check(&talk, "set x 0 0 x\r\n", BAD_FORMAT);
    talk_check(&talk, "set x 0 0\r\n", UNKNOWN);
    static char block[16387];
    memset(block, 'x', 16385);
    memcpy(block + 16385, "\r\n", 2);
    talk_send(&talk, bytes_from_string("set x 0 0 16385\r\n"));
    talk_send(&talk, bytes_of(block, sizeof(block)));
    talk_check(&talk, "set x 0 0 10\r\nann secret\r\n", "CLIENT_ERROR auth token too long\r\nSTORED\r\n");
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
    talk_send(&talk,
              bytes_from_string("set x 0 0 9\r\nann wrong\r\nset x 0 0 10\r\nann secret\r\nstats\r\n"));
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
    talk_check(&talk, "set x 0 0 10\r\nann secret\r\nmn\r\n", "STORED\r\nMN\r\n");
    cr_assert_eq(load("ann:other\n"), 0);
    struct talk other;
    talk_open(&other, &server);
    talk_check(&other, "set x 0 0 10\r\nann secret\r\nset x 0 0 9\r\nann other\r\n",
               "CLIENT_ERROR authentication failure\r\nSTORED\r\n");
    talk_check(&talk, "mn\r\n", "MN\r\n");
    talk_close(&other);
}

Test(auth, file_that_is_not_there_is_named) {
    int result = memcached_service_auth_load(server.service, "/nowhere/at/all", message, sizeof(message));
    cr_assert_eq(result, -ENOENT);
    cr_assert_not_null(strstr(message, "/nowhere/at/all"));
}
