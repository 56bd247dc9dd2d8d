/* SPDX-License-Identifier: MIT
 *
 * bench_head: reading the head of an HTTP request: by the parsers alone, and with a memo of the one before, from which it
 * differs in its target or in more.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "groups.h"
#include "parse/memo.h"

enum { HEADS_COUNT = 64, HEAD_SIZE_MAX = 1024 };

/* What a head looks like; %u is a number that differs from one to the next. */
struct head_kind {
    const char *name;
    const char *format;
};

static const struct head_kind kinds[] = {
    {"Host alone", "GET /cache/key:%u HTTP/1.1\r\nHost: localhost\r\n\r\n"},
    {"three fields",
     "GET /cache/key:%u HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"},
    {"a browser's twelve",
     "GET /cache/key:%u HTTP/1.1\r\nHost: localhost:8080\r\nConnection: keep-alive\r\nCache-Control: "
     "max-age=0\r\n"
     "sec-ch-ua: \"Chromium\";v=\"120\"\r\nsec-ch-ua-mobile: ?0\r\nUpgrade-Insecure-Requests: 1\r\n"
     "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 "
     "Safari/537.36\r\n"
     "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nSec-Fetch-Site: none\r\n"
     "Sec-Fetch-Mode: navigate\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: "
     "en-GB,en;q=0.9\r\n\r\n"},
    {"a number in a field",
     "GET /cache/key HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: %u\r\nAccept: */*\r\n\r\n"},
};

struct heads {
    struct http_memo memo;
    struct http_head head;
    size_t size[HEADS_COUNT];
    char text[HEADS_COUNT][HEAD_SIZE_MAX];
};

static void *heads_begin(void *user, unsigned thread_index) {
    const struct head_kind *kind = user;
    struct heads *heads = calloc(1, sizeof(*heads));
    (void)thread_index;
    if (heads == NULL) {
        stopwatch_give_up("no memory");
    }
    for (unsigned i = 0; i < HEADS_COUNT; i++) {
        heads->size[i] = (size_t)snprintf(heads->text[i], HEAD_SIZE_MAX, kind->format, 100000 + i);
        assert(heads->size[i] < HEAD_SIZE_MAX);
    }
    return heads;
}

static struct bytes heads_at(const struct heads *heads, uint64_t number) {
    unsigned i = (unsigned)(number % HEADS_COUNT);
    return bytes_of(heads->text[i], heads->size[i]);
}

static uint64_t parse_run(void *state, uint64_t count) {
    struct heads *heads = state;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        enum http_parse parsed = http_head_parse(heads_at(heads, i), &heads->head);
        assert(parsed == HTTP_PARSE_OK);
        sum += heads->head.size;
    }
    return sum;
}

static uint64_t memo_run(void *state, uint64_t count) {
    struct heads *heads = state;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        enum http_parse parsed = http_memo_read(&heads->memo, heads_at(heads, i));
        assert(parsed == HTTP_PARSE_OK && heads->memo.message_is_good);
        sum += heads->memo.head.size;
    }
    return sum;
}

static void head_measure(const struct stopwatch *stopwatch, const struct head_kind *kind,
                         const char *function, uint64_t (*run)(void *, uint64_t)) {
    char name[96];
    snprintf(name, sizeof(name), "%s, %s", kind->name, function);
    stopwatch_measure(
        stopwatch,
        &(struct subject){
            .name = name, .threads = 1, .user = (void *)kind, .begin = heads_begin, .run = run, .end = free});
}

void bench_head(const struct stopwatch *stopwatch) {
    stopwatch_head("head: one head of an HTTP request");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        head_measure(stopwatch, &kinds[i], "http_head_parse", parse_run);
        head_measure(stopwatch, &kinds[i], "http_memo_read", memo_run);
    }
}
