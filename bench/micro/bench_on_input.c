/* SPDX-License-Identifier: MIT
 *
 * bench_on_input: a request as a whole, from the bytes that came in to those that go out: everything but
 * engine and kernel.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "riposte/check.h"
#include "client.h"

enum {
    ITEMS_COUNT = 1000,
    VALUE_SIZE = 32,
    REQUEST_SIZE_MAX = 128,
    PIPELINE_MAX = 64,
};

/* Requests of one kind, `depth` of them at a time. */
struct conversation {
    struct fixture fixture;
    const char *format; /* of one request; %.16s is its key */
    bool is_http;
    unsigned depth;
};

/* One connection. */
struct talk {
    struct client *client; /* owned */
    const struct conversation *conversation;
    uint64_t session[PROTOCOL_SESSION_SIZE_MAX / sizeof(uint64_t)];
    size_t input_size;
    char input[PIPELINE_MAX * REQUEST_SIZE_MAX];
};

static void *talk_begin(void *user, unsigned thread_index) {
    struct conversation *conversation = user;
    struct talk *talk = calloc(1, sizeof(*talk));
    if (talk == NULL) {
        stopwatch_give_up("no memory");
    }
    talk->conversation = conversation;
    talk->client = conversation->is_http ? client_begin_http(&conversation->fixture, thread_index)
                                         : client_begin(&conversation->fixture, thread_index);
    for (unsigned i = 0; i < conversation->depth; i++) {
        char *at = talk->input + talk->input_size;
        struct bytes key = fixture_thread_key(talk->client->thread);
        talk->input_size += (size_t)snprintf(at, REQUEST_SIZE_MAX, conversation->format, key.data);
    }
    return talk;
}

/* Whole pipelines: up to depth - 1 requests more than asked, which at some thousands is nothing. */
static uint64_t talk_run(void *state, uint64_t count) {
    struct talk *talk = state;
    const struct client *client = talk->client;
    struct bytes bytes = bytes_of(talk->input, talk->input_size);
    const struct protocol_input input = {
        .bytes = bytes, .requests_max = talk->conversation->depth, .memory_size_max = SIZE_MAX};
    uint64_t sum = 0;
    for (uint64_t done = 0; done < count;) {
        client->protocol->prefetch(talk->session, bytes, client->context);
        struct progress progress =
            client->protocol->on_input(talk->session, &input, &talk->client->reply, client->context);
        assert(progress.consumed == bytes.size && progress.requests == talk->conversation->depth);
        done += progress.requests;
        sum += client_flush(talk->client);
        fixture_thread_quiescent(talk->client->thread);
    }
    return sum;
}

/* Between whole requests a session holds nothing that would have to be released. */
static void talk_end(void *state) {
    struct talk *talk = state;
    client_end(talk->client);
    free(talk);
}

static void talk_measure(const struct stopwatch *stopwatch, const char *what, const char *format,
                         bool is_http, unsigned depth) {
    char name[96];
    struct conversation conversation = {.format = format, .is_http = is_http, .depth = depth};
    fixture_init(&conversation.fixture, ITEMS_COUNT, VALUE_SIZE);
    fixture_draw(&conversation.fixture, true);
    snprintf(name, sizeof(name), "%s, %u at a time", what, depth);
    stopwatch_measure(stopwatch, &(struct subject){.name = name,
                                                   .threads = 1,
                                                   .user = &conversation,
                                                   .begin = talk_begin,
                                                   .run = talk_run,
                                                   .end = talk_end});
    fixture_deinit(&conversation.fixture);
}

void bench_on_input(const struct stopwatch *stopwatch) {
    static const struct {
        const char *name;
        const char *format;
        bool is_http;
    } requests[] = {
        {"get", "get %.16s\r\n", false},
        {"set of 32 bytes", "set %.16s 0 0 32\r\n0123456789abcdef0123456789abcdef\r\n", false},
        {"mg with v", "mg %.16s v\r\n", false},
        {"mn", "mn\r\n", false},
        {"HTTP GET, Host alone", "GET /cache/%.16s HTTP/1.1\r\nHost: localhost\r\n\r\n", true},
        {"HTTP GET, three fields",
         "GET /cache/%.16s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n", true},
    };
    stopwatch_head("on_input: prefetch, parse, execute, answer (1,000 items)");
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        talk_measure(stopwatch, requests[i].name, requests[i].format, requests[i].is_http, 1);
        talk_measure(stopwatch, requests[i].name, requests[i].format, requests[i].is_http, 16);
    }
}
