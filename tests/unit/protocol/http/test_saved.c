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
#include "stream.h"

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

Test(http_saved, wherever_a_stream_is_cut_the_answers_are_the_same) {
    const struct stream_side side = {open_server, close_server, &talk, http_talk_output};
    stream_check_moves(&side, stream, 70000,
                       "GET /cache/big HTTP/1.1\r\n" HOST "\r\nGET /cache/a HTTP/1.1\r\n" HOST "\r\n");
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
            struct protocol_loaded loaded = {.next = PROTOCOL_NEXT_INPUT};
            memset(talk.session, 0, http_protocol.session_size);
            cr_assert(http_saved_load(talk.session, &talk_peer, saved, &loaded, talk.place.context));
            http_protocol.on_close(talk.session, &talk_peer, PROTOCOL_CLOSE_NORMAL, talk.place.context);
        }
        writer.data[at] = before;
    }
    record_discard(&writer);
    memset(talk.session, 0, http_protocol.session_size);
}
