/* SPDX-License-Identifier: MIT
 *
 * cache: /cache/<key> through the whole protocol.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "http_talk.h"

#define HOST                   "Host: localhost\r\n"
#define GET(path)              "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define GET_WITH(path, fields) "GET " path " HTTP/1.1\r\n" HOST fields "\r\n"
#define PUT_WITH(path, fields, n, v)                                                                         \
    "PUT " path " HTTP/1.1\r\n" HOST fields "Content-Length: " #n "\r\n\r\n" v
#define PUT(path, n, v) PUT_WITH(path, "", n, v)
#define POST_WITH(path, fields, n, v)                                                                        \
    "POST " path " HTTP/1.1\r\n" HOST fields "Content-Length: " #n "\r\n\r\n" v
#define POST(path)            "POST " path " HTTP/1.1\r\n" HOST "\r\n"
#define POST_BODY(path, n, v) "POST " path " HTTP/1.1\r\n" HOST "Content-Length: " #n "\r\n\r\n" v
#define DELETE(path, fields)  "DELETE " path " HTTP/1.1\r\n" HOST fields "\r\n"

static struct http_talk_server server;
static struct talk talk;

static void open_server(void) {
    http_talk_server_config(&server);
    http_talk_server_init(&server);
    http_talk_open(&talk, &server);
}

static void close_server(void) {
    talk_close(&talk);
    http_talk_server_deinit(&server);
}

TestSuite(http_cache, .init = open_server, .fini = close_server);

static void check(const char *request, const char *expected) {
    http_talk_check(&talk, request, expected);
}

static void check_status(const char *request, const char *status) {
    http_talk_check_status(&talk, request, status);
}

/* Puts a value as a memcached client would. */
static void store_value(const char *key, const char *value, uint32_t client_flags) {
    struct item *item;
    cr_assert_eq(store_item_create(server.store_worker, bytes_from_string(key), false, client_flags,
                                   STORE_EXPIRES_NEVER, strlen(value), &item),
                 STORE_OK);
    memcpy(store_item_value(item), value, strlen(value));
    const struct put_options options = {.mode = PUT_SET};
    cr_assert_eq(store_put(server.store_worker, &item, &options, NULL), STORE_OK);
}

static struct item_view look(struct bytes key) {
    struct item_view view;
    cr_assert_eq(store_get(server.store_worker, key, &view), STORE_OK);
    return view;
}

Test(http_cache, answers_a_value_that_memcached_stored) {
    store_value("a", "hello", 7);
    check(GET("/cache/a"),
          "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\n"
          "ETag: \"1\"\r\nX-Cache: hit\r\n\r\nhello");
    check("HEAD /cache/a HTTP/1.1\r\n" HOST "\r\n",
          "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\n"
          "ETag: \"1\"\r\nX-Cache: hit\r\n\r\n");
}

Test(http_cache, says_that_nothing_is_there) {
    check(GET("/cache/a"), "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
                           "Content-Length: 27\r\nX-Cache: miss\r\n\r\n404 Not Found: no such key\n");
}

Test(http_cache, puts_a_new_value_with_201_and_over_an_old_one_with_204) {
    check(PUT("/cache/a", 5, "hello"), "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nETag: \"1\"\r\n\r\n");
    check(PUT("/cache/a", 2, "hi"), "HTTP/1.1 204 No Content\r\nETag: \"*\"\r\n\r\n");
    struct item_view view = look(bytes_from_string("a"));
    cr_assert(bytes_equal_string(view.value, "hi") && view.client_flags == 0);
}

Test(http_cache, takes_a_value_of_no_bytes) {
    check_status(PUT("/cache/a", 0, ""), "201");
    check_status("PUT /cache/b HTTP/1.1\r\n" HOST "\r\n", "201");
    check_status("PUT /cache/c HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "201");
    check(GET("/cache/c"),
          "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 0\r\n"
          "ETag: \"*\"\r\nX-Cache: hit\r\n\r\n");
}

Test(http_cache, keeps_type_and_coding_with_the_value) {
    check_status(PUT_WITH("/cache/a", "Content-Type: application/json\r\nContent-Encoding: br\r\n", 2, "{}"),
                 "201");
    check(GET("/cache/a"),
          "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: br\r\nContent-Length: 2\r\n"
          "ETag: \"1\"\r\nX-Cache: hit\r\nX-Content-Type-Options: nosniff\r\n"
          "Content-Security-Policy: sandbox\r\n\r\n{}");
    struct item_view view = look(bytes_from_string("a"));
    cr_assert(bytes_equal_string(view.value, "{}") && view.client_flags >> 24 == 0x48);
    check_status(PUT_WITH("/cache/a", "Content-Type: x\r\n", 1, "1"), "415");
    check_status(PUT_WITH("/cache/a", "Content-Type: a/b c\r\n", 1, "1"), "415");
    check_status(PUT_WITH("/cache/a", "Content-Encoding: a b\r\n", 1, "1"), "415");
    check_status(PUT_WITH("/cache/a", "Content-Encoding: gzip, br\r\n", 1, "1"), "415");
    check_status(PUT_WITH("/cache/a", "Content-Encoding: gzip\r\nContent-Encoding: br\r\n", 1, "1"), "415");
    check_status(PUT_WITH("/cache/a", "Content-Type: a/b\r\nContent-Type: a/c\r\n", 1, "1"), "415");
}

Test(http_cache, decodes_a_key_once_and_takes_any_byte) {
    check_status(PUT("/cache/a%2541%20%00%0d%0a", 1, "1"), "201");
    struct item_view view = look(bytes_of("a%41 \0\r\n", 8));
    cr_assert(view.key_is_binary);
    check_status(PUT("/cache/x/y?ttl=9", 1, "1"), "201");
    view = look(bytes_from_string("x/y"));
    cr_assert(!view.key_is_binary);
    check_status(GET("/cache/"), "400");
    check_status(GET("/cache/%4"), "400");
}

Test(http_cache, takes_no_part_for_a_whole_value) {
    store_value("a", "0123456789", 0);
    check_status(PUT_WITH("/cache/a", "Content-Range: bytes 8-9/10\r\n", 2, "89"), "400");
    cr_assert(bytes_equal_string(look(bytes_from_string("a")).value, "0123456789"));
}

#define KEY_50 "01234567890123456789012345678901234567890123456789"

Test(http_cache, takes_keys_of_250_bytes_and_not_of_one_more) {
    check_status(PUT("/cache/" KEY_50 KEY_50 KEY_50 KEY_50 KEY_50, 1, "1"), "201");
    check_status(GET("/cache/" KEY_50 KEY_50 KEY_50 KEY_50 KEY_50), "200");
    check_status(GET("/cache/" KEY_50 KEY_50 KEY_50 KEY_50 KEY_50 "x"), "400");
}

Test(http_cache, checks_conditions_on_the_tag) {
    store_value("a", "hello", 0);
    check(GET_WITH("/cache/a", "If-None-Match: \"1\"\r\n"),
          "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nX-Cache: hit\r\n\r\n");
    check_status(GET_WITH("/cache/a", "If-None-Match: \"2\"\r\n"), "200");
    check_status(GET_WITH("/cache/a", "If-Match: \"2\"\r\n"), "412");
    check_status(GET_WITH("/cache/b", "If-Match: *\r\n"), "412");
    check_status(GET_WITH("/cache/b", "If-None-Match: *\r\n"), "404");
    check_status(PUT_WITH("/cache/a", "If-Match: \"2\"\r\n", 1, "x"), "412");
    check_status(PUT_WITH("/cache/a", "If-None-Match: *\r\n", 1, "x"), "412");
    check_status(PUT_WITH("/cache/b", "If-Match: *\r\n", 1, "x"), "412");
    check_status(PUT_WITH("/cache/a", "If-Match: \"9\", \"1\"\r\n", 1, "x"), "204");
    check_status(PUT_WITH("/cache/b", "If-None-Match: *\r\n", 1, "x"), "201");
    check_status(DELETE("/cache/a", "If-Match: \"1\"\r\n"), "412");
    check_status(DELETE("/cache/a", "If-Match: *\r\n"), "204");
}

Test(http_cache, binds_a_condition_to_the_value_it_was_checked_against) {
    store_value("a", "old", 0);
    talk_send(&talk, bytes_from_string(PUT_WITH("/cache/a", "If-Match: \"1\"\r\n", 5, "he")));
    talk_send(&talk, bytes_from_string("l"));
    store_value("a", "other", 0);
    http_talk_check_status(&talk, "lo", "412");
    cr_assert(bytes_equal_string(look(bytes_from_string("a")).value, "other"));
    talk_send(&talk, bytes_from_string(PUT_WITH("/cache/b", "If-None-Match: *\r\n", 5, "he")));
    store_value("b", "first", 0);
    http_talk_check_status(&talk, "llo", "412");
    cr_assert(bytes_equal_string(look(bytes_from_string("b")).value, "first"));
}

/* What is there when the body has come has not been there when the condition held. */
Test(http_cache, adds_to_no_value_that_has_come_after_its_condition) {
    talk_send(&talk, bytes_from_string(POST_WITH("/cache/a?op=append", "If-None-Match: *\r\n", 5, "he")));
    store_value("a", "first", 0);
    http_talk_check_status(&talk, "llo", "412");
    cr_assert(bytes_equal_string(look(bytes_from_string("a")).value, "first"));
    check_status(POST_WITH("/cache/b?op=append", "If-None-Match: *\r\n", 1, "x"), "404");
    check_status(POST_WITH("/cache/b?op=incr&initial=4", "If-None-Match: *\r\n", 0, ""), "200");
    check_status(POST_WITH("/cache/b?op=incr", "If-Match: *\r\n", 0, ""), "200");
    cr_assert(bytes_equal_string(look(bytes_from_string("b")).value, "5"));
}

Test(http_cache, answers_one_range) {
    store_value("a", "0123456789", 0);
    check(GET_WITH("/cache/a", "Range: bytes=2-4\r\n"),
          "HTTP/1.1 206 Partial Content\r\nContent-Type: application/octet-stream\r\nContent-Length: 3\r\n"
          "ETag: \"1\"\r\nContent-Range: bytes 2-4/10\r\nX-Cache: hit\r\n\r\n234");
    check(GET_WITH("/cache/a", "Range: bytes=10-\r\n"),
          "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Type: text/plain; charset=utf-8\r\n"
          "Content-Length: 55\r\nContent-Range: bytes */10\r\n\r\n"
          "416 Range Not Satisfiable: the value has no such bytes\n" +
              0);
    check_status(GET_WITH("/cache/a", "Range: bytes=0-1,3-4\r\n"), "200");
    check_status(GET_WITH("/cache/a", "Range: bytes=2-4\r\nIf-Range: \"1\"\r\n"), "206");
    check_status(GET_WITH("/cache/a", "Range: bytes=2-4\r\nIf-Range: \"2\"\r\n"), "200");
}

Test(http_cache, lets_values_expire) {
    check_status(PUT("/cache/a?ttl=5", 1, "1"), "201");
    check_status(PUT_WITH("/cache/b", "Cache-Control: public, max-age=5\r\n", 1, "1"), "201");
    check_status(PUT("/cache/c", 1, "1"), "201");
    check_status(PUT_WITH("/cache/d", "Cache-Control: max-age=0\r\n", 1, "1"), "201");
    check_status(PUT("/cache/e?ttl=4294967295", 1, "1"), "201");
    check_status(PUT_WITH("/cache/f", "Cache-Control: max-age=\"5\"\r\n", 1, "1"), "201");
    check_status(PUT_WITH("/cache/g", "Cache-Control: max-age=99999999999999999999999\r\n", 1, "1"), "201");
    check_status(PUT_WITH("/cache/h", "Cache-Control: max-age=\r\n", 1, "1"), "400");
    check_status(PUT_WITH("/cache/h", "Cache-Control: max-age=5s\r\n", 1, "1"), "400");
    check_status(PUT_WITH("/cache/h", "Cache-Control: max-age=-1\r\n", 1, "1"), "400");
    check_status(PUT_WITH("/cache/h", "Cache-Control: max-age=\"\r\n", 1, "1"), "400");
    check_status(GET("/cache/a"), "200");
    check_status(GET("/cache/d"), "404");
    http_talk_server_advance(&server, 6);
    check_status(GET("/cache/f"), "404");
    check_status(GET("/cache/g"), "200");
    check_status(GET("/cache/a"), "404");
    check_status(GET("/cache/b"), "404");
    check_status(GET("/cache/c"), "200");
    check_status(GET("/cache/e"), "200");
    check_status(PUT("/cache/a?ttl=0", 1, "1"), "400");
    check_status(PUT("/cache/a?ttl=4294967296", 1, "1"), "400");
    check_status(PUT("/cache/a?ttl=x", 1, "1"), "400");
}

Test(http_cache, counts_up_and_down) {
    check_status(POST("/cache/n?op=incr"), "404");
    check(POST("/cache/n?op=incr&initial=10"),
          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nETag: \"1\"\r\n\r\n10");
    check(POST("/cache/n?op=incr&by=5"),
          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nETag: \"*\"\r\n\r\n15");
    check(POST("/cache/n?op=decr&by=20"),
          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1\r\nETag: \"*\"\r\n\r\n0");
    check_status(POST("/cache/n?op=incr&by=x"), "400");
    check_status(POST("/cache/n?op=incr&by=-1"), "400");
    store_value("t", "text", 0);
    check_status(POST("/cache/t?op=incr"), "409");
}

Test(http_cache, joins_bytes_at_either_end) {
    check_status(POST_BODY("/cache/a?op=append", 1, "x"), "404");
    store_value("a", "b", 0);
    check_status(POST_BODY("/cache/a?op=append", 1, "c"), "204");
    check_status(POST_BODY("/cache/a?op=prepend", 1, "a"), "204");
    cr_assert(bytes_equal_string(look(bytes_from_string("a")).value, "abc"));
    check_status(POST_BODY("/cache/a?op=other", 1, "a"), "400");
    check_status(POST_BODY("/cache/a", 1, "a"), "400");
}

Test(http_cache, deletes) {
    check_status(DELETE("/cache/a", ""), "404");
    store_value("a", "b", 0);
    check(DELETE("/cache/a", ""), "HTTP/1.1 204 No Content\r\n\r\n");
    check_status(GET("/cache/a"), "404");
}

Test(http_cache, tells_of_stale_values_and_who_is_to_make_a_new_one) {
    store_value("a", "old", 0);
    const struct delete_options options = {.invalidate = true};
    cr_assert_eq(store_delete(server.store_worker, bytes_from_string("a"), &options, NULL), STORE_OK);
    talk_send(&talk, bytes_from_string(GET("/cache/a")));
    cr_assert_not_null(strstr(http_talk_output(&talk).data, "\r\nX-Cache: won\r\n"));
    talk_send(&talk, bytes_from_string(GET("/cache/a")));
    cr_assert_not_null(strstr(http_talk_output(&talk).data, "\r\nX-Cache: stale\r\n"));
}

Test(http_cache, sends_values_of_every_size_whole) {
    static char value[300000];
    static char request[310000];
    for (size_t i = 0; i < sizeof(value); i++) {
        value[i] = (char)('a' + i % 26);
    }
    const size_t sizes[] = {1, 1023, 1024, 1025, 2000, 4095, 4096, 65536, sizeof(value)};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int head_size = snprintf(request, sizeof(request),
                                 "PUT /cache/v HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", sizes[i]);
        memcpy(request + head_size, value, sizes[i]);
        talk_send(&talk, bytes_of(request, (size_t)head_size + sizes[i]));
        http_talk_output(&talk);
        talk_send(&talk, bytes_from_string(GET("/cache/v")));
        struct bytes output = http_talk_output(&talk);
        const char *body = memmem(output.data, output.size, "\r\n\r\n", 4);
        cr_assert_not_null(body);
        cr_assert_eq((size_t)(output.data + output.size - body - 4), sizes[i]);
        cr_assert_eq(memcmp(body + 4, value, sizes[i]), 0);
    }
}

/* A ttl that is misspelt must not let a value stay, and of two that contradict each other neither is right. */
Test(http_cache, refuses_a_query_that_it_does_not_know_or_that_says_something_twice) {
    static const char *const bad[] = {
        PUT("/cache/a?tll=9", 1, "1"),           PUT("/cache/a?ttl=9&ttl=9", 1, "1"),
        PUT("/cache/a?op=append", 1, "1"),       PUT("/cache/a?TTL=9", 1, "1"),
        PUT("/cache/a?ttl=9&=", 1, "1"),         POST("/cache/a?op=incr&op=decr"),
        POST("/cache/a?op=incr&by=1&by=2"),      POST("/cache/a?op=incr&n=2"),
        POST("/cache/a?op=append&ttl=9"),        POST("/cache/a?op=prepend&op=append"),
        DELETE("/cache/a?prefix=a", ""),         DELETE("/cache/a?x", ""),
        DELETE("/cache/?prefix=a&prefix=b", ""), DELETE("/cache/?prefix=a&x=b", ""),
    };
    store_value("a", "1", 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check_status(bad[i], "400");
        cr_assert(bytes_equal_string(look(bytes_from_string("a")).value, "1"), "%s", bad[i]);
    }
    check_status(GET("/cache/a?_=1&_=2"), "200"); /* a read may say what it likes */
}

Test(http_cache, passes_over_conditions_on_dates_as_a_value_has_none) {
    store_value("a", "1", 0);
    talk_send(&talk, bytes_from_string("PUT /cache/a HTTP/1.1\r\n" HOST
                                       "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                       "Content-Length: 2\r\n\r\n2"));
    store_value("a", "changed", 0); /* nothing that the client has asked to be told of */
    check_status("2", "204");
    cr_assert(bytes_equal_string(look(bytes_from_string("a")).value, "22"));
}

Test(http_cache, remembers_4096_flushed_prefixes_and_refuses_one_more) {
    char prefix[8];
    for (unsigned i = 0; i < STORE_FLUSHED_PREFIXES_MAX; i++) {
        snprintf(prefix, sizeof(prefix), "p%04u", i);
        cr_assert_eq(store_flush_prefix(server.store_worker, bytes_from_string(prefix)), STORE_FLUSHED);
    }
    check_status(DELETE("/cache/?prefix=q", ""), "507");
    check_status(DELETE("/cache/?prefix=p", ""), "204"); /* in the place of those that it covers */
    check_status(DELETE("/cache/?prefix=q", ""), "204");
}
