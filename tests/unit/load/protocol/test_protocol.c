/* SPDX-License-Identifier: MIT
 *
 * The heads of replies in all protocols: input at a guard page, every prefix asks for more.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "protocol.h"

static struct guard guard;

static void setup(void) {
    guard_init(&guard, 3 * REPLY_HEAD_SIZE_MAX);
}

static void teardown(void) {
    guard_deinit(&guard);
}

TestSuite(protocol, .init = setup, .fini = teardown);

/* Parses at the guard page. */
static enum reply_status parse(const struct protocol *protocol, const char *text, struct reply_head *head) {
    return protocol->parse(guard_copy(&guard, bytes_from_string(text)), REQUEST_GET, head);
}

/* A complete head, and nothing less, is read. `body` may follow and must not matter. */
static struct reply_head expect_read(const struct protocol *protocol, const char *text, const char *body) {
    struct reply_head head;
    char whole[4096];
    size_t head_size = strlen(text);
    for (size_t size = 0; size < head_size; size++) {
        struct bytes prefix = guard_copy(&guard, bytes_of(text, size));
        cr_assert_eq(protocol->parse(prefix, REQUEST_GET, &head), REPLY_MORE, "%zu bytes of %s", size, text);
    }
    cr_assert_eq(parse(protocol, text, &head), REPLY_READ, "%s", text);
    cr_assert_eq(head.head_size, head_size);
    memcpy(whole, text, head_size);
    memcpy(whole + head_size, body, strlen(body));
    struct bytes input = guard_copy(&guard, bytes_of(whole, head_size + strlen(body)));
    cr_assert_eq(protocol->parse(input, REQUEST_GET, &head), REPLY_READ);
    cr_assert_eq(head.head_size, head_size);
    return head;
}

static void expect_bad(const struct protocol *protocol, const char *text) {
    struct reply_head head;
    cr_expect_eq(parse(protocol, text, &head), REPLY_BAD, "%s", text);
    cr_expect_not_null(head.reason);
}

Test(protocol, text_value_names_key_and_size) {
    struct reply_head head = expect_read(&protocol_memcached, "VALUE key:1 0 5\r\n", "hello\r\nEND\r\n");
    cr_expect_eq(head.kind, REPLY_VALUE);
    cr_expect(head.has_key && bytes_equal_string(head.key, "key:1"));
    cr_expect_eq(head.body_size, 5);
    cr_expect(bytes_equal_string(head.tail, "\r\nEND\r\n"));
}

Test(protocol, text_value_may_carry_a_cas_number) {
    struct reply_head head =
        expect_read(&protocol_memcached, "VALUE k 4294967295 1048576 18446744073709551615\r\n", "");
    cr_expect_eq(head.body_size, 1048576);
}

Test(protocol, text_miss_stored_and_refusals) {
    cr_expect_eq(expect_read(&protocol_memcached, "END\r\n", "END\r\n").kind, REPLY_MISS);
    cr_expect_eq(expect_read(&protocol_memcached, "STORED\r\n", "").kind, REPLY_STORED);
    static const char *const refusals[] = {"SERVER_ERROR out of memory storing object\r\n",
                                           "CLIENT_ERROR bad data chunk\r\n",
                                           "ERROR\r\n",
                                           "ERROR Too many open connections\r\n",
                                           "NOT_STORED\r\n",
                                           "NOT_FOUND\r\n",
                                           "EXISTS\r\n"};
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct reply_head head = expect_read(&protocol_memcached, refusals[i], "VALUE ");
        cr_expect_eq(head.kind, REPLY_ERROR, "%s", refusals[i]);
        cr_expect_eq(head.line.size, strlen(refusals[i]) - 2);
    }
}

Test(protocol, text_refuses_what_memcached_never_says) {
    static const char *const bad[] = {"HTTP/1.1 200 OK\r\n",
                                      "$5\r\n",
                                      "\r\n",
                                      "VALUE\r\n",
                                      "VALUE k\r\n",
                                      "VALUE k 0\r\n",
                                      "VALUE k 0 x\r\n",
                                      "VALUE  0 5\r\n",
                                      "VALUE k -1 5\r\n",
                                      "VALUE k 0 -5\r\n",
                                      "VALUE k 0 5 x\r\n",
                                      "VALUE k 0 99999999999999999999999\r\n",
                                      "STOREDX\r\n",
                                      "END \r\n",
                                      "END\n",
                                      "Value k 0 5\r\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_bad(&protocol_memcached, bad[i]);
    }
}

Test(protocol, meta_value_with_and_without_flags) {
    struct reply_head head = expect_read(&protocol_meta, "VA 5\r\n", "hello\r\n");
    cr_expect_eq(head.kind, REPLY_VALUE);
    cr_expect_eq(head.body_size, 5);
    cr_expect_not(head.has_key);
    cr_expect(bytes_equal_string(head.tail, "\r\n"));
    head = expect_read(&protocol_meta, "VA 5 kkey:1 f0 t-1\r\n", "hello\r\n");
    cr_expect(head.has_key && bytes_equal_string(head.key, "key:1"));
    head = expect_read(&protocol_meta, "VA 5 kQUJD b\r\n", "");
    cr_expect_not(head.has_key, "a key in base64 is not compared");
}

Test(protocol, meta_miss_stored_and_refusals) {
    cr_expect_eq(expect_read(&protocol_meta, "EN\r\n", "").kind, REPLY_MISS);
    cr_expect_eq(expect_read(&protocol_meta, "HD\r\n", "").kind, REPLY_STORED);
    cr_expect_eq(expect_read(&protocol_meta, "HD kkey:1\r\n", "").kind, REPLY_STORED);
    cr_expect_eq(expect_read(&protocol_meta, "NS\r\n", "").kind, REPLY_ERROR);
    cr_expect_eq(expect_read(&protocol_meta, "EX\r\n", "").kind, REPLY_ERROR);
    cr_expect_eq(expect_read(&protocol_meta, "CLIENT_ERROR invalid flag\r\n", "").kind, REPLY_ERROR);
    expect_bad(&protocol_meta, "VALUE k 0 5\r\n");
    expect_bad(&protocol_meta, "VA\r\n");
    expect_bad(&protocol_meta, "VA x\r\n");
    expect_bad(&protocol_meta, "OK\r\n");
}

Test(protocol, meta_no_op_has_one_answer_and_refusals) {
    struct reply_head head = expect_read(&protocol_noop, "MN\r\n", "MN\r\n");
    cr_expect_eq(head.kind, REPLY_VALUE);
    cr_expect_eq(head.body_size, 0);
    cr_expect_eq(head.tail.size, 0);
    cr_expect_not(head.has_key);
    cr_expect_eq(expect_read(&protocol_noop, "ERROR\r\n", "").kind, REPLY_ERROR);
    cr_expect_eq(expect_read(&protocol_noop, "SERVER_ERROR busy\r\n", "").kind, REPLY_ERROR);
    cr_expect_eq(expect_read(&protocol_noop, "CLIENT_ERROR bad\r\n", "").kind, REPLY_ERROR);
    static const char *const bad[] = {"MN \r\n", "MNX\r\n", "M\r\n", "MN\n",     "mn\r\n",
                                      "EN\r\n",  "HD\r\n",  "\r\n",  "VA 0\r\n", "STORED\r\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_bad(&protocol_noop, bad[i]);
    }
}

Test(protocol, resp_value_miss_stored_and_refusals) {
    struct reply_head head = expect_read(&protocol_resp, "$5\r\n", "hello\r\n");
    cr_expect_eq(head.kind, REPLY_VALUE);
    cr_expect_eq(head.body_size, 5);
    cr_expect_not(head.has_key);
    cr_expect_eq(expect_read(&protocol_resp, "$-1\r\n", "").kind, REPLY_MISS);
    cr_expect_eq(expect_read(&protocol_resp, "_\r\n", "").kind, REPLY_MISS);
    cr_expect_eq(expect_read(&protocol_resp, "+OK\r\n", "").kind, REPLY_STORED);
    cr_expect_eq(expect_read(&protocol_resp, "-OOM command not allowed\r\n", "").kind, REPLY_ERROR);
    expect_bad(&protocol_resp, ":1\r\n");
    expect_bad(&protocol_resp, "*1\r\n");
    expect_bad(&protocol_resp, "$-2\r\n");
    expect_bad(&protocol_resp, "$\r\n");
    expect_bad(&protocol_resp, "+QUEUED\r\n");
}

Test(protocol, http_value_miss_and_refusal) {
    struct reply_head head = expect_read(
        &protocol_http, "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\nX:\r\n\r\n", "hello");
    cr_expect_eq(head.kind, REPLY_VALUE);
    cr_expect_eq(head.body_size, 5);
    cr_expect_eq(head.tail.size, 0);
    cr_expect_not(head.closes);
    cr_expect(bytes_equal_string(head.line, "HTTP/1.1 200 OK"));
    head = expect_read(&protocol_http, "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n", "not found");
    cr_expect_eq(head.kind, REPLY_MISS);
    cr_expect_eq(head.body_size, 9);
    head = expect_read(&protocol_http, "HTTP/1.1 503 Busy\r\nCONTENT-LENGTH:\t0 \r\n\r\n", "");
    cr_expect_eq(head.kind, REPLY_ERROR);
    head = expect_read(&protocol_http, "HTTP/1.1 204 No Content\r\n\r\n", "");
    cr_expect_eq(head.body_size, 0);
}

Test(protocol, http_says_whether_the_connection_goes_on) {
    struct reply_head head;
    head =
        expect_read(&protocol_http, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "");
    cr_expect(head.closes);
    head = expect_read(&protocol_http,
                       "HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", "");
    cr_expect_not(head.closes);
    head = expect_read(&protocol_http, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "");
    cr_expect(head.closes);
    head = expect_read(&protocol_http,
                       "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nconnection: keep-alive\r\n\r\n", "");
    cr_expect_not(head.closes);
}

Test(protocol, http_refuses_what_has_no_certain_end) {
    expect_bad(&protocol_http, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    expect_bad(&protocol_http, "HTTP/1.1 200 OK\r\n\r\n");
    expect_bad(&protocol_http, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n");
    expect_bad(&protocol_http, "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n");
    expect_bad(&protocol_http, "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n");
    expect_bad(&protocol_http, "HTTP/1.1 200 OK\r\nno colon\r\n\r\n");
    expect_bad(&protocol_http, "HTTP/1.1 100 Continue\r\n\r\n");
    expect_bad(&protocol_http, "HTTP/1.1 2000 OK\r\n\r\n");
    expect_bad(&protocol_http, "HTTP/2.0 200 OK\r\n");
    expect_bad(&protocol_http, "STORED\r\n");
}

/* `size` times 'x' behind `begin`, no line end anywhere. */
static void expect_bad_when_endless(const struct protocol *protocol, const char *begin) {
    static char text[2 * REPLY_HEAD_SIZE_MAX];
    struct reply_head head;
    memset(text, 'x', sizeof(text));
    memcpy(text, begin, strlen(begin));
    struct bytes short_of = guard_copy(&guard, bytes_of(text, REPLY_HEAD_SIZE_MAX - 1));
    cr_expect_eq(protocol->parse(short_of, REQUEST_GET, &head), REPLY_MORE, "%s", begin);
    struct bytes whole = guard_copy(&guard, bytes_of(text, REPLY_HEAD_SIZE_MAX));
    cr_expect_eq(protocol->parse(whole, REQUEST_GET, &head), REPLY_BAD, "%s", begin);
}

Test(protocol, a_line_without_an_end_is_bad_after_8_kib) {
    expect_bad_when_endless(&protocol_memcached, "VALUE ");
    expect_bad_when_endless(&protocol_meta, "VA ");
    expect_bad_when_endless(&protocol_noop, "MN");
    expect_bad_when_endless(&protocol_resp, "$");
    expect_bad_when_endless(&protocol_http, "HTTP/1.1 ");
}

Test(protocol, a_head_of_endless_fields_is_bad) {
    static char text[3 * REPLY_HEAD_SIZE_MAX];
    struct reply_head head;
    size_t size = 0;
    size += (size_t)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n");
    while (size + 16 < sizeof(text)) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "name: value\r\n");
    }
    cr_expect_eq(protocol_http.parse(guard_copy(&guard, bytes_of(text, size)), REQUEST_GET, &head),
                 REPLY_BAD);
}
