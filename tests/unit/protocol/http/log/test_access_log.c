/* SPDX-License-Identifier: MIT
 *
 * access_log: what a line says, what a client cannot make it say, and lines that find no room.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "access_log.h"

static struct http_access usual(void) {
    return (struct http_access){
        .peer = bytes_from_string("127.0.0.1"),
        .unix_s = 784111777,
        .method = bytes_from_string("GET"),
        .target = bytes_from_string("/a?b"),
        .minor = 1,
        .status = 200,
        .size = 12,
        .referer = bytes_from_string("http://r/"),
        .agent = bytes_from_string("curl"),
    };
}

static void check_line(const struct http_access *access, bool json, const char *expected) {
    char line[HTTP_ACCESS_LINE_SIZE_MAX + 1];
    size_t size = http_access_format(line, json, access);
    line[size] = '\0';
    cr_assert_str_eq(line, expected);
}

Test(http_access_log, writes_the_combined_format) {
    struct http_access access = usual();
    check_line(
        &access, false,
        "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 12 \"http://r/\" \"curl\"\n");
    access.referer.size = 0;
    access.agent.size = 0;
    access.minor = 0;
    check_line(&access, false,
               "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.0\" 200 12 \"-\" \"-\"\n");
    access.method.size = 0;
    access.status = 400;
    check_line(&access, false, "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"-\" 400 12 \"-\" \"-\"\n");
}

Test(http_access_log, writes_an_object_a_line) {
    struct http_access access = usual();
    check_line(
        &access, true,
        "{\"time\":\"1994-11-06T08:49:37Z\",\"peer\":\"127.0.0.1\",\"method\":\"GET\",\"target\":\"/a?b\","
        "\"version\":\"1.1\",\"status\":200,\"size\":12,\"referer\":\"http://r/\",\"agent\":\"curl\"}\n");
}

Test(http_access_log, lets_no_client_end_or_change_a_line) {
    struct http_access access = usual();
    access.target = bytes_from_string("/\"\\");
    access.agent = bytes_of("a\n\x80\t\0z", 6);
    check_line(&access, false,
               "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /\\x22\\x5c HTTP/1.1\" 200 12 \"http://r/\" "
               "\"a\\x0a\\x80\\x09\\x00z\"\n");
    check_line(&access, true,
               "{\"time\":\"1994-11-06T08:49:37Z\",\"peer\":\"127.0.0.1\",\"method\":\"GET\",\"target\":\"/"
               "\\u0022\\u005c\","
               "\"version\":\"1.1\",\"status\":200,\"size\":12,\"referer\":\"http://r/\","
               "\"agent\":\"a\\u000a\\u0080\\u0009\\u0000z\"}\n");
}

Test(http_access_log, cuts_what_is_long) {
    static char text[20000];
    char line[HTTP_ACCESS_LINE_SIZE_MAX];
    for (unsigned i = 0; i < 2; i++) {
        memset(text, i == 0 ? 'x' : '"', sizeof(text));
        struct bytes all = bytes_of(text, sizeof(text));
        struct http_access access = {.peer = all, .method = all, .target = all, .referer = all, .agent = all};
        access.status = UINT32_MAX;
        access.size = UINT64_MAX;
        cr_assert_lt(http_access_format(line, false, &access), HTTP_ACCESS_LINE_SIZE_MAX);
        cr_assert_lt(http_access_format(line, true, &access), HTTP_ACCESS_LINE_SIZE_MAX);
    }
}

static size_t count_lines(const char *path) {
    FILE *file = fopen(path, "r");
    size_t lines = 0;
    cr_assert_not_null(file);
    for (int byte = fgetc(file); byte != EOF; byte = fgetc(file)) {
        lines += byte == '\n';
    }
    fclose(file);
    return lines;
}

Test(http_access_log, writes_each_line_or_counts_it_as_dropped) {
    char path[] = "/tmp/riposte-log-XXXXXX";
    struct http_access_log *log;
    struct http_access access = usual();
    close(mkstemp(path));
    cr_assert_eq(http_access_log_create(path, false, 2, &log), 0);
    for (unsigned i = 0; i < 20000; i++) {
        http_access_log_line(log, i % 2, &access);
    }
    uint64_t written = atomic_load(&log->written);
    cr_assert_eq(written + atomic_load(&log->dropped), 20000);
    cr_assert_gt(written, 2 * HTTP_ACCESS_RING_SIZE / 128);
    http_access_log_destroy(log);
    cr_assert_eq(count_lines(path), written);
    unlink(path);
}

Test(http_access_log, says_why_it_cannot_be_opened) {
    struct http_access_log *log;
    cr_assert_eq(http_access_log_create("/none/log", false, 1, &log), -ENOENT);
}
