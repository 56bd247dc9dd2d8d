/* SPDX-License-Identifier: MIT
 *
 * trace: what -vv tells of commands and answers, read back from a pipe in place of standard error.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../fixture.h"
#include "riposte/log.h"

static int pipe_end;
static char told[1 << 16];

static void open_traced(void) {
    int ends[2];
    cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
    cr_assert_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    pipe_end = ends[0];
    log_level_set(LOG_LEVEL_TRACE);
    open_all();
}

TestSuite(trace, .init = open_traced, .fini = close_all);

/* What the log says of that. */
static const char *told_of(struct bytes request) {
    talk_send(&talk, request);
    ssize_t size = read(pipe_end, told, sizeof(told) - 1);
    told[size > 0 ? size : 0] = '\0';
    return told;
}

/* `talk` does that; the log says this. */
static void expect_told(const char *request, const char *expected) {
    cr_expect_str_eq(told_of(bytes_from_string(request)), expected);
}

Test(trace, tells_commands_and_answers_as_memcached_does) {
    expect_told("get a\r\n", "<999 get a\n>999 END\n");
    expect_told("set a 0 0 5\r\nhello\r\n", "<999 set a 0 0 5\n>999 STORED\n");
    expect_told("get a\r\n", "<999 get a\n>999 sending key a\n>999 END\n");
    expect_told("foo\n", "<999 foo\n>999 ERROR\n");
    expect_told("incr a 1\r\n",
                "<999 incr a 1\n>999 CLIENT_ERROR cannot increment or decrement non-numeric value\n");
    expect_told("delete a noreply\r\n", "<999 delete a noreply\n");
}

Test(trace, tells_each_command_of_a_pipeline_with_its_own_answer) {
    expect_told(
        "get a\r\nget b\r\nversion\r\nmn\r\n",
        "<999 get a\n>999 END\n<999 get b\n>999 END\n<999 version\n>999 VERSION 1.6.45\n<999 mn\n>999 MN\n");
}

Test(trace, tells_all_keys_of_a_get) {
    told_of(bytes_from_string("set b 0 0 2\r\nhi\r\n"));
    expect_told("gets a b c\r\n", "<999 gets a b c\n>999 sending key b\n>999 END\n");
}

/* What looks like an answer inside of a value is none; a value may be large, and its key long. */
Test(trace, never_tells_a_value) {
    expect_told("set a 0 0 28\r\nsecret\r\nEND\r\nVALUE s 0 1\r\n\r\n\r\n",
                "<999 set a 0 0 28\n>999 STORED\n");
    expect_told("get a\r\n", "<999 get a\n>999 sending key a\n>999 END\n");
    expect_told("mg a v t\r\n", "<999 mg a v t\n>999 VA 28 t-1\n");
    expect_told("set " KEY_250 " 0 0 6\r\nsecret\r\n",
                "<999 set " KEY_50 KEY_50 KEY_50 KEY_50
                "012345678901234567890123456789012345...\n>999 STORED\n");
    expect_told("get " KEY_250 "\r\n",
                "<999 get " KEY_50 KEY_50 KEY_50 KEY_50
                "012345678901234567890123456789012345...\n>999 sending key " KEY_50 KEY_50 KEY_50 KEY_50
                "0123456789012345678901234567890123456789...\n>999 END\n");
    char *large = calloc(1, 100 * 1000);
    size_t size = strlen("set large 0 0 90000\r\n");
    memcpy(large, "set large 0 0 90000\r\n", size);
    memset(large + size, '\n', 90 * 1000);
    memcpy(large + size + 90 * 1000, "\r\n", 2);
    told_of(bytes_of(large, size + 90 * 1000 + 2));
    free(large);
    expect_told("get large a\r\n",
                "<999 get large a\n>999 sending key large\n>999 sending key a\n>999 END\n");
}

Test(trace, tells_a_value_in_pieces_once_and_its_answer_when_it_is_whole) {
    expect_told("set a 0 0 9\r\nabc", "<999 set a 0 0 9\n");
    expect_told("def", "");
    expect_told("ghi\r\n", ">999 STORED\n");
}

Test(trace, writes_out_what_is_not_printable) {
    expect_told("get a\x1b\x80\\\t\r\n", "<999 get a\\x1b\\x80\\x5c\\x09\n>999 END\n");
}

Test(trace, cuts_long_answers) {
    unsigned lines = 0;
    for (const char *at = told_of(bytes_from_string("stats\r\n")); (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    cr_expect_eq(lines, 10);
    cr_expect_not_null(strstr(told, ">999 (more lines)\n"));
}

static void ask_for_passwords(struct talk_server *changed) {
    (void)changed;
}

/* It may be a password that came to the wrong place. */
Test(trace, keeps_what_has_not_authenticated_to_itself) {
    char path[] = "/tmp/riposte-test-trace-XXXXXX";
    char error[256];
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, "name:word\n", 10), 10);
    close(fd);
    reopen_with(ask_for_passwords);
    cr_assert_eq(memcached_service_auth_load(server.service, path, error, sizeof(error)), 0);
    unlink(path);
    talk_close(&talk);
    talk_open(&talk, &server);
    expect_told("name word\r\n", ""); /* a failure is answered late */
    server.now_ns += UINT64_C(20000000);
    talk_step(&talk, false);
    expect_told("", "<999 (not authenticated)\n>999 CLIENT_ERROR unauthenticated\n");
}

Test(trace, is_off_unless_asked_for) {
    log_level_set(LOG_LEVEL_DEBUG);
    reopen_with(ask_for_passwords);
    expect_told("get a\r\n", "");
}
