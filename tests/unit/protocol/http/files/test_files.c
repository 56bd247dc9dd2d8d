/* SPDX-License-Identifier: MIT
 *
 * files: --http-root through the whole protocol.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http_talk.h"

#define HOST                   "Host: localhost\r\n"
#define GET(path)              "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define GET_WITH(path, fields) "GET " path " HTTP/1.1\r\n" HOST fields "\r\n"

enum { LARGE_SIZE = 1 << 20 };

static struct http_talk_server server;
static struct talk talk;
static char root[64];
static char large[LARGE_SIZE];

static void file_write(const char *name, const char *text, size_t size) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text, 1, size, file), size);
    fclose(file);
}

static void open_server(void) {
    char path[256];
    snprintf(root, sizeof(root), "/tmp/riposte-files-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
    snprintf(path, sizeof(path), "%s/sub", root);
    cr_assert_eq(mkdir(path, 0700), 0);
    file_write("index.html", "<p>index", 8);
    file_write("a b.txt", "hello", 5);
    file_write("x.css", "plain", 5);
    file_write("x.css.gz", "zipped", 6);
    file_write("sub/index.html", "sub", 3);
    file_write(".hidden", "secret", 6);
    for (size_t i = 0; i < sizeof(large); i++) {
        large[i] = (char)(i % 251);
    }
    file_write("large", large, sizeof(large));
    http_talk_server_config(&server);
    server.config.files_root = root;
    server.config.files_size_max = 64 * 1024;
    http_talk_server_init(&server);
    http_talk_open(&talk, &server);
}

static void close_server(void) {
    char command[128];
    talk_close(&talk);
    http_talk_server_deinit(&server);
    snprintf(command, sizeof(command), "rm -rf %s", root);
    cr_assert_eq(system(command), 0);
}

TestSuite(http_files, .init = open_server, .fini = close_server);

static void check_status(const char *request, const char *status) {
    http_talk_check_status(&talk, request, status);
}

/* The answer has that status, that line (when not NULL) and ends with `body`. */
static void check(const char *request, const char *status, const char *line, const char *body) {
    talk_send(&talk, bytes_from_string(request));
    struct bytes output = http_talk_output(&talk);
    size_t size = strlen(body);
    cr_assert(output.size > 13 && memcmp(output.data + 9, status, 3) == 0, "%s: %.300s", request,
              output.data);
    cr_assert(line == NULL || strstr(output.data, line) != NULL, "%s: %.400s", request, output.data);
    cr_assert(output.size >= size && memcmp(output.data + output.size - size, body, size) == 0, "%s: %.400s",
              request, output.data);
}

Test(http_files, serves_files_by_their_decoded_name_with_a_type) {
    check(GET("/"), "200", "Content-Type: text/html; charset=utf-8\r\n", "\r\n\r\n<p>index");
    check(GET("/index.html?x"), "200", NULL, "<p>index");
    check(GET("/a%20b.txt"), "200", "Content-Length: 5\r\n", "hello");
    check("HEAD /a%20b.txt HTTP/1.1\r\n" HOST "\r\n", "200", "Content-Length: 5\r\n", "\r\n\r\n");
    check(GET("/sub/"), "200", NULL, "sub");
    check(GET("/sub?a=b"), "301", "Location: /sub/?a=b\r\n", "");
}

Test(http_files, serves_nothing_that_is_hidden_or_spelt_otherwise) {
    check_status(GET("/.hidden"), "404");
    check_status(GET("/sub/.."), "404");
    check_status(GET("/sub/../index.html"), "404");
    check_status(GET("/%2e%2e/x"), "404");
    check_status(GET("//index.html"), "404");
    check_status(GET("/sub%2Findex.html"), "404");
    check_status(GET("/sub//index.html"), "404");
    check_status(GET("/index.html/"), "404");
    check_status(GET("/none"), "404");
    check_status(GET("/index%00.html"), "400");
    check_status(GET("/%zz"), "400");
    check_status("PUT /index.html HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", "405");
    check_status("DELETE /index.html HTTP/1.1\r\n" HOST "\r\n", "405");
}

/* Sets when the file was changed last. */
static void file_date(const char *name, int64_t modified_s) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    const struct timespec times[2] = {{.tv_sec = modified_s}, {.tv_sec = modified_s}};
    cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* A clock that was wrong once, or is now: the date must be the answer's own, and settles no condition. */
static void check_date_is_of_answer(void) {
    char date[64] = "", modified[64] = "";
    talk_send(&talk, bytes_from_string(GET("/a%20b.txt")));
    const char *output = talk_output(&talk).data;
    const char *modified_at = strstr(output, "\r\nLast-Modified: ");
    cr_assert_not_null(modified_at, "%s", output);
    cr_assert_eq(sscanf(strstr(output, "\r\nDate: "), "\r\nDate: %60[^\r]", date), 1);
    cr_assert_eq(sscanf(modified_at, "\r\nLast-Modified: %60[^\r]", modified), 1);
    cr_assert_str_eq(modified, date);
    check(GET_WITH("/a%20b.txt", "If-Modified-Since: Fri, 13 Nov 2020 00:00:00 GMT\r\n"), "200", NULL,
          "hello");
    check(GET_WITH("/a%20b.txt", "If-Unmodified-Since: Fri, 13 Nov 2020 00:00:00 GMT\r\n"), "412", NULL, "");
}

Test(http_files, says_no_last_modified_that_is_later_than_the_date) {
    file_date("a b.txt", INT64_C(4102444800)); /* 2100 */
    check_date_is_of_answer();
    http_talk_server_advance(&server, 2);
    file_date("a b.txt", INT64_C(10413792000)); /* 2300: more nanoseconds than 63 bits hold */
    check_date_is_of_answer();
}

Test(http_files, says_no_date_of_before_dates) {
    file_date("a b.txt", -1);
    check(GET("/a%20b.txt"), "200", "ETag: ", "hello");
    cr_assert_null(strstr(talk.output, "Last-Modified"));
}

/* The file is of a year that 63 bits of nanoseconds do not reach. */
Test(http_files, tells_which_sibling_is_older_in_any_year) {
    file_date("x.css", INT64_C(10413792000));
    file_date("x.css.gz", INT64_C(4102444800));
    check(GET_WITH("/x.css", "Accept-Encoding: gzip\r\n"), "200", "Vary: Accept-Encoding\r\n", "plain");
}

/* Somebody has edited the file and forgotten to make the sibling again. */
Test(http_files, sends_no_sibling_that_is_older_than_its_file) {
    char path[256];
    struct stat stat_of_file;
    snprintf(path, sizeof(path), "%s/x.css", root);
    cr_assert_eq(stat(path, &stat_of_file), 0);
    snprintf(path, sizeof(path), "%s/x.css.gz", root);
    struct timespec times[2] = {stat_of_file.st_mtim, stat_of_file.st_mtim};
    times[0].tv_sec = --times[1].tv_sec;
    cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    check(GET_WITH("/x.css", "Accept-Encoding: gzip\r\n"), "200", "Vary: Accept-Encoding\r\n", "plain");
    cr_assert_null(strstr(talk.output, "Content-Encoding"));
}

Test(http_files, sends_a_coded_sibling_to_who_takes_it) {
    check(GET_WITH("/x.css", "Accept-Encoding: br, gzip\r\n"), "200", "Content-Encoding: gzip\r\n", "zipped");
    check(GET("/x.css"), "200", "Vary: Accept-Encoding\r\n", "plain");
    check(GET_WITH("/x.css", "Accept-Encoding: gzip;q=0\r\n"), "200", "Content-Type: text/css", "plain");
    file_write("x.css.br", "brotli", 6);
    http_talk_server_advance(&server, 2);
    check(GET_WITH("/x.css", "Accept-Encoding: gzip, br\r\n"), "200", "Content-Encoding: br\r\n", "brotli");
}

/* The value of ETag of the last answer to GET of `path`. */
static void tag_of(const char *path, char tag[64]) {
    char request[256];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST "\r\n", path);
    talk_send(&talk, bytes_from_string(request));
    const char *at = strstr(http_talk_output(&talk).data, "ETag: ");
    cr_assert_not_null(at);
    snprintf(tag, 64, "%.*s", (int)strcspn(at + 6, "\r"), at + 6);
}

Test(http_files, checks_conditions_on_tag_and_date) {
    char tag[64];
    char request[512];
    tag_of("/index.html", tag);
    snprintf(request, sizeof(request), GET_WITH("/index.html", "If-None-Match: %s\r\n"), tag);
    check(request, "304", NULL, "\r\n\r\n");
    snprintf(request, sizeof(request), GET_WITH("/index.html", "If-Range: %s\r\nRange: bytes=1-2\r\n"), tag);
    check(request, "206", "Content-Range: bytes 1-2/8\r\n", "p>");
    check_status(GET_WITH("/index.html", "If-Match: \"1\"\r\n"), "412");
    check_status(GET_WITH("/index.html", "If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT\r\n"), "304");
    check_status(GET_WITH("/index.html", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n"), "412");
    check(GET_WITH("/index.html", "Range: bytes=1-2\r\nRange: bytes=1-2\r\n"), "200", NULL, "<p>index");
    check(GET_WITH("/index.html", "Range: bytes=8-\r\n"), "416", "Content-Range: bytes */8\r\n", "");
}

Test(http_files, streams_a_large_file_and_goes_on) {
    talk.reply.unsent_size_max = 100000;
    talk_send(&talk, bytes_from_string(GET("/large") GET("/index.html")));
    struct bytes output = http_talk_output(&talk);
    const char *body = memmem(output.data, output.size, "\r\n\r\n", 4);
    cr_assert_not_null(body);
    cr_assert_geq(output.data + output.size - body - 4, LARGE_SIZE);
    cr_assert_eq(memcmp(body + 4, large, LARGE_SIZE), 0);
    cr_assert_eq(memcmp(body + 4 + LARGE_SIZE, "HTTP/1.1 200", 12), 0);
    cr_assert_eq(talk.next, PROTOCOL_NEXT_INPUT);
    talk_send(&talk,
              bytes_from_string(GET_WITH("/large", "Range: bytes=1000-700999\r\nConnection: close\r\n")));
    output = http_talk_output(&talk);
    cr_assert_eq(memcmp(output.data + output.size - 700000, large + 1000, 700000), 0);
    cr_assert(talk.closed);
}

Test(http_files, ends_the_connection_when_a_file_shrinks_while_it_is_sent) {
    talk.reply.unsent_size_max = 1;
    talk.hold = true;
    talk_send(&talk, bytes_from_string(GET("/large")));
    file_write("large", "short", 5);
    talk.hold = false;
    http_talk_output(&talk);
    talk_go_on(&talk);
    cr_assert(talk.closed);
}

Test(http_files, leaves_other_paths_as_they_are) {
    check_status(GET("/healthz"), "200");
    check_status(GET("/metrics"), "200");
    check_status(GET("/cache/none"), "404");
    check(GET("/riposte/"), "200", "Content-Security-Policy: default-src 'none'", "</html>\n");
    check_status(GET("/page.js"), "404");
}
