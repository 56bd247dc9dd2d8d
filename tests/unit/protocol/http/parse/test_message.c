/* SPDX-License-Identifier: MIT
 *
 * message: where a request ends, and what is refused because that could be read in two ways.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "host.h"
#include "message.h"

static struct http_head head;
static struct http_message message;

static enum http_parse read_message(const char *version, const char *fields) {
    static char text[4096];
    int size = snprintf(text, sizeof(text), "PUT / HTTP/%s\r\n%s\r\n", version, fields);
    cr_assert_eq(http_head_parse(bytes_of(text, (size_t)size), &head), HTTP_PARSE_OK, "%s", fields);
    return http_message_read(&head, http_host_is_valid(http_head_find(&head, HTTP_HOST)), &message);
}

#define HOST "Host: a\r\n"

Test(http_message, finds_the_body) {
    static const struct {
        const char *fields;
        enum http_body_kind body;
        uint64_t size;
    } rows[] = {
        {HOST, HTTP_BODY_NONE, 0},
        {HOST "Content-Length: 0\r\n", HTTP_BODY_NONE, 0},
        {HOST "Content-Length: 1\r\n", HTTP_BODY_LENGTH, 1},
        {HOST "Content-Length: 007\r\n", HTTP_BODY_LENGTH, 7},
        {HOST "Content-Length: 18446744073709551615\r\n", HTTP_BODY_LENGTH, UINT64_MAX},
        {HOST "Transfer-Encoding: chunked\r\n", HTTP_BODY_CHUNKED, 0},
        {HOST "Transfer-Encoding: Chunked\r\n", HTTP_BODY_CHUNKED, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_eq(read_message("1.1", rows[i].fields), HTTP_PARSE_OK, "%s", rows[i].fields);
        cr_assert_eq(message.body, rows[i].body, "%s", rows[i].fields);
        cr_assert_eq(message.body_size, rows[i].size, "%s", rows[i].fields);
    }
}

Test(http_message, refuses_an_end_that_is_in_doubt) {
    static const struct {
        const char *version;
        const char *fields;
        enum http_status status;
    } rows[] = {
        {"1.1", HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400},
        {"1.1", HOST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", 400},
        {"1.1", HOST "Content-Length: 1\r\nContent-Length: 1\r\n", 400},
        {"1.1", HOST "Content-Length: 1\r\nContent-Length: 2\r\n", 400},
        {"1.1", HOST "Content-Length: 1, 1\r\n", 400},
        {"1.1", HOST "Content-Length: 1,\r\n", 400},
        {"1.1", HOST "Content-Length: +1\r\n", 400},
        {"1.1", HOST "Content-Length: -1\r\n", 400},
        {"1.1", HOST "Content-Length: 1 1\r\n", 400},
        {"1.1", HOST "Content-Length: 0x1\r\n", 400},
        {"1.1", HOST "Content-Length: 1a\r\n", 400},
        {"1.1", HOST "Content-Length: \r\n", 400},
        {"1.1", HOST "Content-Length: 1.0\r\n", 400},
        {"1.1", HOST "Content-Length: 18446744073709551616\r\n", 400},
        {"1.1", HOST "Content-Length: 99999999999999999999999\r\n", 400},
        {"1.0", HOST "Transfer-Encoding: chunked\r\n", 400},
        {"1.1", HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
        {"1.1", HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400},
        {"1.1", HOST "Transfer-Encoding: chunked, chunked\r\n", 400},
        {"1.1", HOST "Transfer-Encoding: chunked, identity\r\n", 400},
        {"1.1", HOST "Transfer-Encoding: identity\r\n", 400},
        {"1.1", HOST "Transfer-Encoding: xchunked\r\n", 400},
        {"1.1", HOST "Transfer-Encoding: chunked;q=1\r\n", 400},
        {"1.1", HOST "Transfer-Encoding: \"chunked\"\r\n", 400},
        {"1.1", HOST "Transfer-Encoding: ,chunked\r\n", 400},
        {"1.1", HOST "Transfer-Encoding: chunk ed\r\n", 400},
        {"1.1", HOST "Transfer-Encoding:\r\n", 400},
        {"1.1", HOST "Transfer-Encoding: gzip, chunked\r\n", 501},
        {"1.1", HOST "Transfer-Encoding: x, y, chunked\r\n", 501},
        {"1.1", HOST "Expect: 200-ok\r\n", 417},
        {"1.1", HOST "Expect: 100-continue\r\nExpect: 100-continue\r\n", 417},
        {"1.1", "", 400},
        {"1.1", "Host:\r\n", 400},
        {"1.1", HOST HOST, 400},
        {"1.0", HOST HOST, 400},
        {"1.1", "Host: a b\r\n", 400},
        {"1.1", "Host: a, b\r\n", 400},
        {"1.1", "Host: a@b\r\n", 400},
        {"1.1", "Host: a/b\r\n", 400},
        {"1.0", "Host: a/b\r\n", 400},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_eq(read_message(rows[i].version, rows[i].fields), HTTP_PARSE_BAD, "%s", rows[i].fields);
        cr_assert_eq(message.status, rows[i].status, "%s", rows[i].fields);
    }
}

Test(http_message, keeps_a_connection_as_its_version_says) {
    static const struct {
        const char *version;
        const char *fields;
        bool keep_alive;
    } rows[] = {
        {"1.1", HOST, true},
        {"1.0", "", false},
        {"1.1", HOST "Connection: close\r\n", false},
        {"1.1", HOST "Connection: Close\r\n", false},
        {"1.1", HOST "Connection: keep-alive, close\r\n", false},
        {"1.1", HOST "Connection: keep-alive\r\nConnection: close\r\n", false},
        {"1.1", HOST "Connection: upgrade, x\r\n", true},
        {"1.0", "Connection: keep-alive\r\n", true},
        {"1.0", "Connection: Keep-Alive, x\r\n", true},
        {"1.0", "Connection: close, keep-alive\r\n", false},
        {"1.0", "Connection: closed\r\n", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_eq(read_message(rows[i].version, rows[i].fields), HTTP_PARSE_OK, "%s", rows[i].fields);
        cr_assert_eq(message.keep_alive, rows[i].keep_alive, "%s", rows[i].fields);
    }
}

Test(http_message, expects_a_100_only_in_http_1_1_and_before_a_body) {
    read_message("1.1", HOST "Content-Length: 5\r\nExpect: 100-Continue\r\n");
    cr_assert(message.expect_continue);
    read_message("1.1", HOST "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n");
    cr_assert(message.expect_continue);
    read_message("1.1", HOST "Expect: 100-continue\r\n");
    cr_assert(!message.expect_continue);
    cr_assert_eq(read_message("1.0", "Content-Length: 5\r\nExpect: 100-continue\r\n"), HTTP_PARSE_OK);
    cr_assert(!message.expect_continue);
}
