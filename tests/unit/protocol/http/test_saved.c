/* SPDX-License-Identifier: MIT
 *
 * saved: a connection whose session is saved and loaded again, wherever its stream was cut, is answered as one that is not.
 */
#include "saved.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "change.h"
#include "http_talk.h"
#include "parse/head.h"
#include "riposte/random.h"

#define HOST "Host: localhost\r\n"

static struct http_talk_server server;
static struct talk talk;

static void open_server(void) {
    http_talk_server_config(&server);
    server.config.item_size_max = server.store_config.item_size_max = 8 << 20;
    http_talk_server_init(&server);
    http_talk_open(&talk, &server);
}

static void close_server(void) {
    talk_close(&talk);
    http_talk_server_deinit(&server);
}

TestSuite(http_saved, .init = open_server, .fini = close_server, .timeout = 60);

static const char stream[] =
    "PUT /cache/a HTTP/1.1\r\n" HOST "Content-Type: text/html\r\nContent-Length: 10\r\n\r\n0123456789"
    "GET /cache/a HTTP/1.1\r\n" HOST "\r\n"
    "PUT /cache/b?ttl=100 HTTP/1.1\r\n" HOST
    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0a;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
    "GET /cache/b HTTP/1.1\r\n" HOST "\r\n"
    "POST /none HTTP/1.1\r\n" HOST "Content-Length: 20\r\n\r\nnobody wants to have"
    "PUT /cache/%00binary HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nxyz"
    "GET /cache/%00binary HTTP/1.1\r\n" HOST "\r\n"
    "HEAD /cache/a HTTP/1.1\r\n" HOST "\r\n"
    "DELETE /cache/a HTTP/1.1\r\n" HOST "\r\n"
    "GET /cache/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    "PUT /cache/a HTTP/1.1\r\n" HOST "If-None-Match: *\r\nContent-Length: 5\r\n\r\nfirst"
    "PUT /cache/a HTTP/1.1\r\n" HOST "If-None-Match: *\r\nContent-Length: 6\r\n\r\nsecond"
    "PUT /cache/big HTTP/1.1\r\n" HOST "Content-Length: 70000\r\n\r\n";

/* The stream, with a large body behind it. Owned by the caller. */
static char *whole_stream(size_t *size) {
    enum { BIG_SIZE = 70000 };
    static const char end[] = "GET /cache/big HTTP/1.1\r\n" HOST "\r\nGET /cache/a HTTP/1.1\r\n" HOST "\r\n";
    *size = sizeof(stream) - 1 + BIG_SIZE + sizeof(end) - 1;
    char *all = malloc(*size);
    cr_assert_not_null(all);
    memcpy(all, stream, sizeof(stream) - 1);
    memset(all + sizeof(stream) - 1, 'v', BIG_SIZE);
    memcpy(all + sizeof(stream) - 1 + BIG_SIZE, end, sizeof(end) - 1);
    return all;
}

/* The answers to `all`, cut at random where `random` is not NULL, the session moved at each cut. Owned by the caller. */
static char *answers(const char *all, size_t size, struct random *random, size_t *answers_size) {
    close_server();
    open_server();
    for (size_t at = 0; at < size;) {
        size_t part =
            random == NULL ? size : 1 + random_below(random, random_below(random, 3) == 0 ? 5000 : 40);
        part = part < size - at ? part : size - at;
        talk.requests_max = random == NULL ? 20 : 1 + (unsigned)random_below(random, 3);
        talk_send(&talk, bytes_of(all + at, part));
        at += part;
        if (random != NULL) {
            talk_move(&talk);
        }
    }
    cr_assert_not(talk.closed);
    struct bytes output = http_talk_output(&talk);
    char *copy = malloc(output.size);
    cr_assert_not_null(copy);
    memcpy(copy, output.data, output.size);
    *answers_size = output.size;
    return copy;
}

Test(http_saved, wherever_a_stream_is_cut_the_answers_are_the_same) {
    enum { ROUNDS = 200 };
    const char *given = getenv("RIPOSTE_SEED");
    uint64_t seed = random_seed();
    if (given != NULL) {
        cr_assert(bytes_parse_u64(bytes_from_string(given), &seed));
    }
    struct random random = {seed};
    size_t size, expected_size, got_size;
    char *all = whole_stream(&size);
    char *expected = answers(all, size, NULL, &expected_size);
    for (int round = 0; round < ROUNDS; round++) {
        char *got = answers(all, size, &random, &got_size);
        cr_assert(bytes_equal(bytes_of(got, got_size), bytes_of(expected, expected_size)),
                  "RIPOSTE_SEED=%llu, round %d: %.*s", (unsigned long long)seed, round,
                  (int)(got_size < 3000 ? got_size : 3000), got);
        free(got);
    }
    free(expected);
    free(all);
}

Test(http_saved, a_body_half_copied_into_the_store_is_copied_whole) {
    enum { SIZE = 5 << 20 };
    char *body = malloc(SIZE);
    cr_assert_not_null(body);
    memset(body, 'b', SIZE);
    talk_send(&talk,
              bytes_from_string("PUT /cache/large HTTP/1.1\r\n" HOST "Content-Length: 5242880\r\n\r\n"));
    talk_send(&talk, bytes_of(body, SIZE - 1));
    talk_move(&talk);
    talk.input = malloc(1);
    cr_assert_not_null(talk.input);
    talk.input[0] = 'b';
    talk.input_size = 1;
    talk_step(&talk, false);
    talk_step(&talk, false);
    cr_assert(talk.again, "more is to be copied");
    talk_move(&talk); /* the copy begins anew */
    talk_go_on(&talk);
    struct bytes output = http_talk_output(&talk);
    cr_assert(memmem(output.data, output.size, "201 Created", 11) != NULL, "%.*s", (int)output.size,
              output.data);
    struct item_view view;
    cr_assert_eq(store_get(server.store_worker, bytes_from_string("large"), &view), STORE_OK);
    cr_assert_eq(view.value.size, SIZE);
    cr_assert(memcmp(view.value.data, body, SIZE) == 0);
    free(body);
}

/* Whether a session with so many trailers, of so many bytes, is one that a server takes. */
static bool is_taken_with_trailers(uint32_t count, uint32_t size) {
    struct http_session *session = talk.session;
    struct record_writer writer = {0};
    talk_send(&talk, bytes_from_string("PUT /cache/a HTTP/1.1\r\n" HOST
                                       "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: t\r\n"));
    session->change->body.chunk.trailer_count = count;
    session->change->body.chunk.trailer_size = size;
    http_saved_write(session, &writer, talk.place.context);
    bool taken = http_saved_check(bytes_of(writer.data, writer.size));
    record_discard(&writer);
    memset(session, 0, http_protocol.session_size);
    return taken;
}

Test(http_saved, more_trailers_than_a_head_may_have_are_refused) {
    cr_assert(is_taken_with_trailers(HTTP_HEAD_FIELDS_MAX, HTTP_HEAD_SIZE_MAX));
    cr_assert_not(is_taken_with_trailers(HTTP_HEAD_FIELDS_MAX + 1, HTTP_HEAD_SIZE_MAX));
    cr_assert_not(is_taken_with_trailers(HTTP_HEAD_FIELDS_MAX, HTTP_HEAD_SIZE_MAX + 1));
}

Test(http_saved, random_bytes_are_no_session_or_a_sound_one) {
    struct random random = {1};
    struct record_writer writer = {0};
    talk_send(&talk, bytes_from_string("PUT /cache/a?ttl=9 HTTP/1.1\r\n" HOST
                                       "Transfer-Encoding: chunked\r\n\r\n20\r\nabcdef"));
    http_saved_write(talk.session, &writer, talk.place.context);
    for (int round = 0; round < 20000; round++) {
        size_t at = random_below(&random, writer.size);
        char before = writer.data[at];
        writer.data[at] = (char)random_below(&random, 256);
        struct bytes saved = bytes_of(writer.data, writer.size);
        if (http_saved_check(saved)) {
            size_t memory_size;
            memset(talk.session, 0, http_protocol.session_size);
            cr_assert(http_saved_load(talk.session, TALK_FD, saved, &memory_size, talk.place.context));
            http_protocol.on_close(talk.session, TALK_FD, PROTOCOL_CLOSE_NORMAL, talk.place.context);
        }
        writer.data[at] = before;
    }
    record_discard(&writer);
    memset(talk.session, 0, http_protocol.session_size);
}
