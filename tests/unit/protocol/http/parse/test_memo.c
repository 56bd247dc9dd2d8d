/* SPDX-License-Identifier: MIT
 *
 * memo: what it says of a head is what the parsers say of it, whatever head it has read before; and that it does spare
 * the parser a head that ends like the one before.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard.h"
#include "memo.h"
#include "riposte/random.h"
#include "same_head.h"

enum { GUARD_SIZE = 64 * 1024, TEXT_SIZE_MAX = 48 * 1024 };

static struct guard guard;
static struct http_memo memo;
static struct http_head head;

static void begin(void) {
    guard_init(&guard, GUARD_SIZE);
}

static void end(void) {
    guard_deinit(&guard);
}

TestSuite(http_memo, .init = begin, .fini = end);

/* Reads it with the memo and without. */
static enum http_parse check(struct bytes text) {
    struct http_message message;
    struct bytes input = guard_copy(&guard, text);
    enum http_parse parsed = http_head_parse(input, &head);
    cr_assert_eq(http_memo_read(&memo, input), parsed, "%.*s", (int)text.size, text.data);
    if (parsed == HTTP_PARSE_BAD) {
        cr_assert_eq(memo.head.status, head.status, "%.*s", (int)text.size, text.data);
    }
    if (parsed == HTTP_PARSE_OK) {
        struct bytes host = http_head_find(&head, HTTP_HOST);
        bool valid = http_host_is_valid(host);
        bool good = http_message_read(&head, valid, &message) == HTTP_PARSE_OK;
        cr_assert(same_head(&memo.head, &head), "%.*s", (int)text.size, text.data);
        cr_assert_eq(memo.message_is_good, good, "%.*s", (int)text.size, text.data);
        cr_assert(good ? same_message(&memo.message, &message) : memo.message.status == message.status,
                  "%.*s", (int)text.size, text.data);
        cr_assert(!good || !valid || memo.host_is_loopback == http_host_is_loopback(host), "%.*s",
                  (int)text.size, text.data);
    }
    return parsed;
}

static enum http_parse check_string(const char *text) {
    return check(bytes_from_string(text));
}

#define REST "HTTP/1.1\r\nHost: localhost\r\nIf-Match: \"7\"\r\n\r\n"

Test(http_memo, a_rest_like_the_one_before_is_not_read_again) {
    cr_assert_eq(check_string("GET /cache/a " REST), HTTP_PARSE_OK);
    cr_assert_eq(memo.rest_size, sizeof(REST) - 1);
    memo.head.fields[1].value = bytes_from_string("\"8\""); /* nobody looks at the bytes that say 7 */
    cr_assert_eq(http_memo_read(&memo, bytes_from_string("DELETE /x " REST "GET")), HTTP_PARSE_OK);
    cr_assert(bytes_equal_string(http_head_find(&memo.head, HTTP_IF_MATCH), "\"8\""));
    cr_assert_eq(memo.head.method, HTTP_DELETE);
    cr_assert(bytes_equal_string(memo.head.target, "/x"));
    cr_assert_eq(memo.head.size, sizeof("DELETE /x " REST) - 1);
}

Test(http_memo, its_fields_outlive_the_input) {
    char text[] = "GET /cache/a " REST;
    cr_assert_eq(http_memo_read(&memo, bytes_from_string(text)), HTTP_PARSE_OK);
    memset(text, 'x', sizeof(text) - 1);
    cr_assert(bytes_equal_string(http_head_find(&memo.head, HTTP_HOST), "localhost"));
}

Test(http_memo, a_rest_that_goes_on_differently_is_read) {
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", /* longer than the one before */
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nContent-Length: 6\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n", /* shorter than what is compared at a time */
        "GET / HTTP/1.0\r\n:\r\n\r\n",
        "GET / HTTP/1.0\r\na:\r\n\r\n",
        "GET /%61?b HTTP/1.0\r\na:b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET  HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    enum { COUNT = sizeof(texts) / sizeof(texts[0]) };
    for (unsigned first = 0; first < COUNT; first++) {
        for (unsigned second = 0; second < COUNT; second++) {
            check_string(texts[first]);
            check_string(texts[second]);
        }
    }
}

Test(http_memo, a_rest_with_any_byte_changed_is_read) {
    static const char text[] = "GET /cache/a " REST;
    char changed[sizeof(text)];
    for (size_t at = sizeof("GET /cache/a ") - 1; at < sizeof(text) - 1; at++) {
        for (int bit = 0; bit < 8; bit++) {
            check_string(text);
            memcpy(changed, text, sizeof(text));
            changed[at] ^= (char)(1 << bit);
            check(bytes_of(changed, sizeof(text) - 1));
        }
    }
}

Test(http_memo, a_head_that_is_not_all_there_asks_for_more) {
    static const char text[] = "GET /cache/key " REST;
    for (size_t cut = 0; cut < sizeof(text) - 1; cut++) {
        check_string(text);
        cr_assert_eq(check(bytes_of(text, cut)), HTTP_PARSE_MORE, "%zu", cut);
    }
}

/* "GET <target of `size` bytes> HTTP/1.1 ...", the rest being `rest_size` bytes. */
static struct bytes long_head(char *text, const char *method, size_t size, size_t rest_size) {
    static const char begin_of_rest[] = "HTTP/1.1\r\nHost: a\r\nX: ";
    size_t at = (size_t)sprintf(text, "%s /", method);
    memset(text + at, 'a', size - 1);
    at += size - 1;
    at += (size_t)sprintf(text + at, " %s", begin_of_rest);
    size_t fill = rest_size - (sizeof(begin_of_rest) - 1) - 4;
    memset(text + at, 'b', fill);
    memcpy(text + at + fill, "\r\n\r\n", 4);
    return bytes_of(text, at + fill + 4);
}

Test(http_memo, remembers_rests_up_to_its_bound) {
    static char text[TEXT_SIZE_MAX];
    cr_assert_eq(check(long_head(text, "GET", 5, HTTP_MEMO_REST_SIZE_MAX)), HTTP_PARSE_OK);
    cr_assert_eq(memo.rest_size, (size_t)HTTP_MEMO_REST_SIZE_MAX);
    cr_assert_eq(check(long_head(text, "GET", 9, HTTP_MEMO_REST_SIZE_MAX)), HTTP_PARSE_OK);
    cr_assert_eq(check(long_head(text, "GET", 5, HTTP_MEMO_REST_SIZE_MAX + 1)), HTTP_PARSE_OK);
    cr_assert_eq(memo.rest_size, 0);
    cr_assert_eq(check(long_head(text, "GET", 9, HTTP_MEMO_REST_SIZE_MAX + 1)), HTTP_PARSE_OK);
}

Test(http_memo, a_target_or_a_head_that_is_too_large_is_refused_whatever_its_rest) {
    static char text[TEXT_SIZE_MAX];
    static char method[HTTP_HEAD_SIZE_MAX];
    cr_assert_eq(check(long_head(text, "GET", 5, 100)), HTTP_PARSE_OK);
    cr_assert_eq(check(long_head(text, "GET", HTTP_HEAD_TARGET_SIZE_MAX, 100)), HTTP_PARSE_OK);
    cr_assert_eq(check(long_head(text, "GET", HTTP_HEAD_TARGET_SIZE_MAX + 1, 100)), HTTP_PARSE_BAD);
    size_t method_size = HTTP_HEAD_SIZE_MAX - 100 - 7; /* and a target of 5 bytes between two spaces */
    memset(method, 'M', method_size);
    cr_assert_eq(check(long_head(text, "GET", 5, 100)), HTTP_PARSE_OK);
    cr_assert_eq(check(long_head(text, method, 5, 100)), HTTP_PARSE_OK);
    method[method_size] = 'M';
    cr_assert_eq(check(long_head(text, method, 5, 100)), HTTP_PARSE_BAD);
    cr_assert_eq(memo.head.status, HTTP_STATUS_HEAD_TOO_LARGE);
}

static const char *const methods[] = {"GET", "PUT", "HEAD", "OPTIONS", "CONNECT", "FOO", "", "\r\nGET"};
static const char *const targets[] = {
    "/", "/cache/a", "/cache/b?x=1", "http://other/a", "http://a:x/", "a:80", "*", "", "a\tb"};
static const char *const lines[] = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/1.1 "};
static const char *const fields[] = {"Host: localhost\r\n",    "Host: other\r\n",
                                     "Host: a b\r\n",          "Content-Length: 5\r\n",
                                     "If-Match: *\r\n",        "Connection: close\r\n",
                                     "Accept: */*\r\n",        "Accept: x\r\n",
                                     "host: localhost\r\n",    "X:\r\n",
                                     "Transfer-Encoding: a\n", "Bad Name: 1\r\n",
                                     "X : smuggled\r\n"};

#define DRAWN(table) table[random_below(random, sizeof(table) / sizeof((table)[0]))]

static size_t draw_head(struct random *random, char *text) {
    int size = sprintf(text, "%s %s %s\r\nHost: localhost\r\n", DRAWN(methods), DRAWN(targets), DRAWN(lines));
    for (uint64_t count = random_below(random, 3); count > 0; count--) {
        size += sprintf(text + size, "%s", DRAWN(fields));
    }
    return (size_t)(size + sprintf(text + size, "\r\n"));
}

/* The same heads again and again, whole, cut, with a byte changed, with more behind them. */
Test(http_memo, says_what_the_parsers_say_of_heads_at_random) {
    const char *given = getenv("RIPOSTE_SEED");
    struct random random = {.state = given != NULL ? strtoull(given, NULL, 10) : random_seed()};
    printf("RIPOSTE_SEED=%llu\n", (unsigned long long)random.state);
    char text[1024];
    size_t size = draw_head(&random, text);
    for (int round = 0; round < 200000; round++) {
        switch (random_below(&random, 8)) {
        case 0:
            size = draw_head(&random, text);
            break;
        case 1:
            text[random_below(&random, size)] = (char)random_below(&random, 256);
            break;
        case 2:
            check(bytes_of(text, random_below(&random, size)));
            continue;
        default:
            break;
        }
        check(bytes_of(text, size));
    }
}
