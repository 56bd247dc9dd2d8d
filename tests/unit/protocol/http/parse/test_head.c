/* SPDX-License-Identifier: MIT
 *
 * head: what is accepted and how it is read, what is refused and with which status, what asks for more.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "guard.h"
#include "head.h"

enum { GUARD_SIZE = 64 * 1024 };

static struct http_head head;

static enum http_parse parse(struct guard *guard, struct bytes text) {
    return http_head_parse(guard_copy(guard, text), &head);
}

#define WRK  "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
#define CURL "GET /cache/a HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\n\r\n"

static const struct {
    const char *text;
    enum http_method method;
    const char *target;
    unsigned minor;
    enum http_field field; /* HTTP_FIELDS_COUNT: none is looked at */
    const char *value;
} accepted[] = {
    {WRK, HTTP_GET, "/", 1, HTTP_HOST, "127.0.0.1:8080"},
    {CURL, HTTP_GET, "/cache/a", 1, HTTP_USER_AGENT, "curl/8.0"},
    {"GET / HTTP/1.0\r\n\r\n", HTTP_GET, "/", 0, HTTP_FIELDS_COUNT, NULL},
    {"\r\nGET / HTTP/1.1\r\n\r\n", HTTP_GET, "/", 1, HTTP_FIELDS_COUNT, NULL},
    {"HEAD /x HTTP/1.1\r\n\r\n", HTTP_HEAD, "/x", 1, HTTP_FIELDS_COUNT, NULL},
    {"PUT /x HTTP/1.1\r\ncontent-LENGTH:5\r\n\r\n", HTTP_PUT, "/x", 1, HTTP_CONTENT_LENGTH, "5"},
    {"POST /x HTTP/1.1\r\nIf-Match: \"1\" \t\r\n\r\n", HTTP_POST, "/x", 1, HTTP_IF_MATCH, "\"1\""},
    {"DELETE /x HTTP/1.1\r\nRange: \t bytes=0-\r\n\r\n", HTTP_DELETE, "/x", 1, HTTP_RANGE, "bytes=0-"},
    {"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", HTTP_OPTIONS, "*", 1, HTTP_HOST, ""},
    {"CONNECT a:80 HTTP/1.1\r\n\r\n", HTTP_CONNECT, "a:80", 1, HTTP_FIELDS_COUNT, NULL},
    {"PATCH /x HTTP/1.1\r\n\r\n", HTTP_PATCH, "/x", 1, HTTP_FIELDS_COUNT, NULL},
    {"TRACE /x HTTP/1.1\r\n\r\n", HTTP_TRACE, "/x", 1, HTTP_FIELDS_COUNT, NULL},
    {"get /x HTTP/1.1\r\n\r\n", HTTP_METHOD_UNKNOWN, "/x", 1, HTTP_FIELDS_COUNT, NULL},
    {"GETS /x HTTP/1.1\r\n\r\n", HTTP_METHOD_UNKNOWN, "/x", 1, HTTP_FIELDS_COUNT, NULL},
    {"M-SEARCH ~\x80\xff HTTP/1.1\r\n\r\n", HTTP_METHOD_UNKNOWN, "~\x80\xff", 1, HTTP_FIELDS_COUNT, NULL},
    {"GET / HTTP/1.1\r\nX: a\tb \x80\xff\r\nIf-None-Match: *\r\n\r\n", HTTP_GET, "/", 1, HTTP_IF_NONE_MATCH,
     "*"},
};
enum { ACCEPTED_COUNT = sizeof(accepted) / sizeof(accepted[0]) };

Test(http_head, reads_every_part_of_an_accepted_head) {
    struct guard guard;
    guard_init(&guard, GUARD_SIZE);
    for (size_t i = 0; i < ACCEPTED_COUNT; i++) {
        struct bytes text = bytes_from_string(accepted[i].text);
        cr_assert_eq(parse(&guard, text), HTTP_PARSE_OK, "%s", text.data);
        cr_assert_eq(head.size, text.size, "%s", text.data);
        cr_assert_eq(head.method, accepted[i].method, "%s", text.data);
        cr_assert_eq(head.minor, accepted[i].minor, "%s", text.data);
        cr_assert(bytes_equal_string(head.target, accepted[i].target), "%s", text.data);
        if (accepted[i].value != NULL) {
            cr_assert(bytes_equal_string(http_head_find(&head, accepted[i].field), accepted[i].value), "%s",
                      text.data);
        }
    }
    guard_deinit(&guard);
}

Test(http_head, asks_for_more_at_every_prefix) {
    struct guard guard;
    guard_init(&guard, GUARD_SIZE);
    for (size_t i = 0; i < ACCEPTED_COUNT; i++) {
        struct bytes text = bytes_from_string(accepted[i].text);
        for (size_t cut = 0; cut < text.size; cut++) {
            cr_assert_eq(parse(&guard, bytes_of(text.data, cut)), HTTP_PARSE_MORE, "%zu of %s", cut,
                         text.data);
        }
    }
    guard_deinit(&guard);
}

Test(http_head, leaves_what_follows_alone) {
    cr_assert_eq(http_head_parse(bytes_from_string(WRK "GET"), &head), HTTP_PARSE_OK);
    cr_assert_eq(head.size, sizeof(WRK) - 1);
}

static const struct {
    const char *text;
    size_t size; /* 0: the string's */
    enum http_status status;
} refused[] = {
    {"GET / HTTP/1.1\n\n", 0, 400},
    {"GET / HTTP/1.1\r\nHost: a\n\r\n", 0, 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n\n", 0, 400},
    {"GET / HTTP/1.1\r\rHost: a\r\n\r\n", 0, 400},
    {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 0, 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 0, 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n", 0, 400},
    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 0, 400},
    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 0, 400},
    {"GET / HTTP/1.1\r\n: a\r\n\r\n", 0, 400},
    {"GET / HTTP/1.1\r\nHost\r\n\r\n", 0, 400},
    {"GET / HTTP/1.1\r\nHo st: a\r\n\r\n", 0, 400},
    {"GET / HTTP/1.1\r\nHo\x80st: a\r\n\r\n", 0, 400},
    {"GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 27, 400},
    {"GET / HTTP/1.1\r\nX: a\x01\r\n\r\n", 0, 400},
    {"GET / HTTP/1.1\r\nX: a\x7f\r\n\r\n", 0, 400},
    {"GET / HTTP/1.1\r\nX\0: a\r\n\r\n", 26, 400},
    {"\nGET / HTTP/1.1\r\n\r\n", 0, 400},
    {"\r\n\r\nGET / HTTP/1.1\r\n\r\n", 0, 400},
    {" GET / HTTP/1.1\r\n\r\n", 0, 400},
    {"GET  / HTTP/1.1\r\n\r\n", 0, 400},
    {"GET /  HTTP/1.1\r\n\r\n", 0, 400},
    {"GET / HTTP/1.1 \r\n\r\n", 0, 400},
    {"GET /\tHTTP/1.1\r\n\r\n", 0, 400},
    {"GET\t/ HTTP/1.1\r\n\r\n", 0, 400},
    {"GET /\x7f HTTP/1.1\r\n\r\n", 0, 400},
    {"GET /a b HTTP/1.1\r\n\r\n", 0, 400},
    {"GET /\r\n\r\n", 0, 400},
    {"GET\r\n\r\n", 0, 400},
    {"G@T / HTTP/1.1\r\n\r\n", 0, 400},
    {"GET / http/1.1\r\n\r\n", 0, 400},
    {"GET / HTTP/1,1\r\n\r\n", 0, 400},
    {"GET / HTTP/11\r\n\r\n", 0, 400},
    {"GET / HTTP/1.10\r\n\r\n", 0, 400},
    {"GET / HTTP/1.\r\n\r\n", 0, 400},
    {"GET / XTTP/1.1\r\n\r\n", 0, 400},
    {"\x16\x03\x01\x02", 0, 400},
    {"GET / HTTP/1.2\r\n\r\n", 0, 505},
    {"GET / HTTP/0.9\r\n\r\n", 0, 505},
    {"GET / HTTP/2.0\r\n\r\n", 0, 505},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, 505},
};
enum { REFUSED_COUNT = sizeof(refused) / sizeof(refused[0]) };

Test(http_head, refuses_what_two_readers_could_read_in_two_ways) {
    struct guard guard;
    guard_init(&guard, GUARD_SIZE);
    for (size_t i = 0; i < REFUSED_COUNT; i++) {
        size_t size = refused[i].size > 0 ? refused[i].size : strlen(refused[i].text);
        cr_assert_eq(parse(&guard, bytes_of(refused[i].text, size)), HTTP_PARSE_BAD, "%s", refused[i].text);
        cr_assert_eq(head.status, refused[i].status, "%s", refused[i].text);
    }
    guard_deinit(&guard);
}

Test(http_head, says_of_a_part_nothing_but_more_or_what_it_says_of_the_whole) {
    struct guard guard;
    guard_init(&guard, GUARD_SIZE);
    for (size_t i = 0; i < REFUSED_COUNT; i++) {
        size_t size = refused[i].size > 0 ? refused[i].size : strlen(refused[i].text);
        for (size_t cut = 0; cut < size; cut++) {
            enum http_parse parsed = parse(&guard, bytes_of(refused[i].text, cut));
            cr_assert(parsed == HTTP_PARSE_MORE ||
                          (parsed == HTTP_PARSE_BAD && head.status == refused[i].status),
                      "%zu of %s", cut, refused[i].text);
        }
    }
    guard_deinit(&guard);
}

static char big[GUARD_SIZE];

/* A head of `size` bytes, one long field in it. */
static struct bytes head_of_size(size_t size) {
    static const char begin[] = "GET / HTTP/1.1\r\nX: ";
    memset(big, 'x', size);
    memcpy(big, begin, sizeof(begin) - 1);
    memcpy(big + size - 4, "\r\n\r\n", 4);
    return bytes_of(big, size);
}

Test(http_head, may_have_16_kib_and_no_byte_more) {
    struct guard guard;
    guard_init(&guard, GUARD_SIZE);
    cr_assert_eq(parse(&guard, head_of_size(HTTP_HEAD_SIZE_MAX)), HTTP_PARSE_OK);
    cr_assert_eq(head.size, HTTP_HEAD_SIZE_MAX);
    struct bytes text = head_of_size(HTTP_HEAD_SIZE_MAX + 1);
    cr_assert_eq(parse(&guard, text), HTTP_PARSE_BAD);
    cr_assert_eq(head.status, 431);
    for (size_t size = HTTP_HEAD_SIZE_MAX - 2; size <= HTTP_HEAD_SIZE_MAX; size++) {
        enum http_parse expected = size < HTTP_HEAD_SIZE_MAX ? HTTP_PARSE_MORE : HTTP_PARSE_BAD;
        cr_assert_eq(parse(&guard, bytes_of(text.data, size)), expected, "%zu", size);
    }
    guard_deinit(&guard);
}

/* "GET /xxx" with a target of `size` bytes. */
static struct bytes head_of_target(size_t size) {
    static const char end[] = " HTTP/1.1\r\n\r\n";
    memset(big, 'x', sizeof(big));
    memcpy(big, "GET /", 5);
    memcpy(big + 4 + size, end, sizeof(end) - 1);
    return bytes_of(big, 4 + size + sizeof(end) - 1);
}

Test(http_head, may_have_a_target_of_8_kib_and_no_byte_more) {
    struct guard guard;
    guard_init(&guard, GUARD_SIZE);
    cr_assert_eq(parse(&guard, head_of_target(HTTP_HEAD_TARGET_SIZE_MAX)), HTTP_PARSE_OK);
    cr_assert_eq(head.target.size, HTTP_HEAD_TARGET_SIZE_MAX);
    struct bytes text = head_of_target(HTTP_HEAD_TARGET_SIZE_MAX + 1);
    cr_assert_eq(parse(&guard, text), HTTP_PARSE_BAD);
    cr_assert_eq(head.status, 414);
    size_t enough = 4 + HTTP_HEAD_TARGET_SIZE_MAX + 1;
    cr_assert_eq(parse(&guard, bytes_of(text.data, enough - 1)), HTTP_PARSE_MORE);
    cr_assert_eq(parse(&guard, bytes_of(text.data, enough)), HTTP_PARSE_BAD);
    cr_assert_eq(head.status, 414);
    guard_deinit(&guard);
}

Test(http_head, may_have_100_fields_and_not_one_more) {
    for (unsigned count = HTTP_HEAD_FIELDS_MAX; count <= HTTP_HEAD_FIELDS_MAX + 1; count++) {
        size_t size = (size_t)snprintf(big, sizeof(big), "GET / HTTP/1.1\r\n");
        for (unsigned i = 0; i < count; i++) {
            size += (size_t)snprintf(big + size, sizeof(big) - size, "Host: %u\r\n", i);
        }
        size += (size_t)snprintf(big + size, sizeof(big) - size, "\r\n");
        enum http_parse parsed = http_head_parse(bytes_of(big, size), &head);
        cr_assert_eq(parsed, count == HTTP_HEAD_FIELDS_MAX ? HTTP_PARSE_OK : HTTP_PARSE_BAD);
        cr_assert(parsed == HTTP_PARSE_BAD ? head.status == 431 : !http_head_has_one(&head, HTTP_HOST));
    }
}

Test(http_head, knows_each_field_by_its_name_in_any_case) {
    static const char *const names[HTTP_FIELDS_COUNT] = {
        [HTTP_HOST] = "HOST",
        [HTTP_RANGE] = "rAnge",
        [HTTP_EXPECT] = "Expect",
        [HTTP_ORIGIN] = "Origin",
        [HTTP_REFERER] = "Referer",
        [HTTP_IF_MATCH] = "If-Match",
        [HTTP_IF_RANGE] = "If-Range",
        [HTTP_CONNECTION] = "Connection",
        [HTTP_USER_AGENT] = "User-Agent",
        [HTTP_CONTENT_TYPE] = "Content-Type",
        [HTTP_AUTHORIZATION] = "Authorization",
        [HTTP_CACHE_CONTROL] = "Cache-Control",
        [HTTP_CONTENT_RANGE] = "Content-Range",
        [HTTP_IF_NONE_MATCH] = "If-None-Match",
        [HTTP_CONTENT_LENGTH] = "Content-Length",
        [HTTP_ACCEPT_ENCODING] = "Accept-Encoding",
        [HTTP_CONTENT_ENCODING] = "Content-Encoding",
        [HTTP_IF_MODIFIED_SINCE] = "If-Modified-Since",
        [HTTP_TRANSFER_ENCODING] = "Transfer-Encoding",
        [HTTP_IF_UNMODIFIED_SINCE] = "If-Unmodified-Since",
    };
    for (unsigned i = 0; i < HTTP_FIELDS_COUNT; i++) {
        int size = snprintf(big, sizeof(big), "GET / HTTP/1.1\r\n%s: v\r\n%sx: w\r\nx%s: u\r\n\r\n", names[i],
                            names[i], names[i]);
        cr_assert_eq(http_head_parse(bytes_of(big, (size_t)size), &head), HTTP_PARSE_OK, "%s", names[i]);
        cr_assert_eq(head.seen, UINT32_C(1) << i, "%s", names[i]);
        cr_assert(http_head_has_one(&head, i), "%s", names[i]);
    }
}
