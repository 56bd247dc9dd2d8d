/* SPDX-License-Identifier: MIT
 *
 * Bodies on their way into the store: what they hold meanwhile, how slowly they may come, and that others go on.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "http_talk.h"

#define HOST "Host: localhost\r\n"

enum { MIB = 1024 * 1024, RATE_MIN = 256 };

static struct http_talk_server server;
static struct talk talk, other;

static void configure(void) {
    http_talk_server_config(&server);
    server.config.upload_rate_min = RATE_MIN;
}

static void start(void) {
    http_talk_server_init(&server);
    http_talk_open(&talk, &server);
    http_talk_open(&other, &server);
}

static void close_server(void) {
    talk_close(&other);
    talk_close(&talk);
    http_talk_server_deinit(&server);
}

TestSuite(change, .init = configure, .fini = close_server);

static void send_head(const char *framing) {
    char head[200];
    int size = snprintf(head, sizeof(head), "PUT /cache/a HTTP/1.1\r\n" HOST "%s\r\n\r\n", framing);
    talk_send(&talk, bytes_of(head, (size_t)size));
}

static void send_piece(size_t size) {
    char *piece = malloc(size);
    memset(piece, 'x', size);
    talk_send(&talk, bytes_of(piece, size));
    free(piece);
}

static uint64_t store_used(void) {
    struct store_levels levels;
    store_stats(server.store, &levels);
    return levels.memory_size;
}

static bool is_answered(const char *status) {
    struct bytes output = http_talk_output(&talk);
    return memmem(output.data, output.size, status, strlen(status)) != NULL;
}

Test(change, takes_memory_as_its_bytes_come) {
    start();
    uint64_t before = store_used();
    send_head("Content-Length: 1000000");
    cr_expect_leq(talk.memory_size, 1024);
    send_piece(10000);
    cr_expect_geq(talk.memory_size, 10000);
    cr_expect_leq(talk.memory_size, 30000);
    cr_expect_eq(store_used(), before, "nothing of it is in the store before it is whole");
    send_piece(990000);
    cr_expect(is_answered("201 Created"));
    cr_expect_eq(talk.memory_size, 0);
    http_talk_check_status(&other, "GET /cache/a HTTP/1.1\r\n" HOST "\r\n", "200");
}

Test(change, finds_no_room_among_others_and_is_told_so) {
    start();
    http_talk_check_status(&other, "PUT /cache/a HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nold", "201");
    talk.memory_size_max = 20000;
    send_head("Content-Length: 100000");
    send_piece(8000);
    cr_expect_not(talk.closed);
    send_piece(50000);
    cr_expect(talk.closed);
    cr_expect(is_answered("503 Service Unavailable"));
    http_talk_check_status(&other, "GET /cache/a HTTP/1.1\r\n" HOST "\r\n", "200");
}

Test(change, in_chunks_finds_no_room_in_the_same_way) {
    start();
    talk.memory_size_max = 20000;
    send_head("Transfer-Encoding: chunked");
    talk_send(&talk, bytes_from_string("c350\r\n"));
    send_piece(50000);
    cr_expect(talk.closed);
    cr_expect(is_answered("503 Service Unavailable"));
}

Test(change, that_is_large_is_copied_a_piece_a_call) {
    server.config.item_size_max = 5 * MIB;
    server.store_config.item_size_max = 5 * MIB;
    start();
    send_head("Content-Length: 4194304");
    send_piece(4 * MIB - 1);
    unsigned calls = talk.calls;
    send_piece(1);
    cr_expect_geq(talk.calls - calls, 4);
    cr_expect(talk.costly);
    cr_expect(is_answered("201 Created"));
}

Test(change, in_many_small_chunks_is_read_in_many_calls) {
    enum { CHUNKS = 1000, CHUNK_SIZE = 6 };
    char body[CHUNKS * CHUNK_SIZE + 8];
    size_t size = 0;
    start();
    send_head("Transfer-Encoding: chunked");
    for (unsigned i = 0; i < CHUNKS; i++) {
        size += (size_t)sprintf(body + size, "1\r\nx\r\n");
    }
    unsigned calls = talk.calls;
    talk_send(&talk, bytes_of(body, size));
    cr_expect_geq(talk.calls - calls, 2 * CHUNKS / PROTOCOL_WORK_COSTLY);
    cr_expect_leq(talk.work, PROTOCOL_WORK_COSTLY);
    talk_send(&talk, bytes_from_string("0\r\n\r\n"));
    cr_expect(is_answered("201 Created"));
    http_talk_check_status(&other, "GET /cache/a HTTP/1.1\r\n" HOST "\r\n", "200");
}

Test(change, of_any_framing_and_size_arrives_whole) {
    start();
    for (size_t size = 0; size < 300000; size = size * 3 + 1) {
        char framing[64];
        snprintf(framing, sizeof(framing), "Content-Length: %zu", size);
        send_head(framing);
        for (size_t sent = 0; sent < size;) {
            size_t piece = size - sent < 7000 ? size - sent : 7000;
            send_piece(piece);
            sent += piece;
        }
        cr_expect(is_answered(" 20"), "%zu bytes", size);
        talk_send(&other, bytes_from_string("GET /cache/a HTTP/1.1\r\n" HOST "\r\n"));
        struct bytes output = http_talk_output(&other);
        cr_expect(output.size >= size && (size == 0 || output.data[output.size - 1] == 'x'), "%zu bytes",
                  size);
    }
}

/* Sends `size` bytes a second for so many seconds; how many seconds the connection lived. */
static unsigned seconds_lived(size_t size, unsigned seconds) {
    for (unsigned second = 0; second < seconds; second++) {
        http_talk_server_advance(&server, 1);
        if (size > 0) {
            send_piece(size);
        } else {
            talk_step(&talk, false);
        }
        if (talk.closed) {
            return second;
        }
    }
    return seconds;
}

Test(change, may_come_at_the_rate) {
    start();
    send_head("Content-Length: 100000");
    cr_expect_eq(seconds_lived(RATE_MIN, 60), 60);
}

Test(change, that_comes_more_slowly_is_ended) {
    start();
    send_head("Content-Length: 100000");
    cr_expect_eq(seconds_lived(RATE_MIN - 1, 60), 9);
    cr_expect(is_answered("408 Request Timeout"));
}

/* Sends these bytes every second; how many seconds the connection lived. */
static unsigned seconds_lived_with(const char *bytes, unsigned seconds) {
    unsigned second = 0;
    while (second < seconds && !talk.closed) {
        http_talk_server_advance(&server, 1);
        talk_send(&talk, bytes_from_string(bytes));
        second += !talk.closed;
    }
    return second;
}

Test(change, is_paced_by_its_bytes_and_not_by_those_around_them) {
    enum { EXTENSION_SIZE = 120, CHUNKS = 4 };
    char chunks[CHUNKS * (EXTENSION_SIZE + 20)] = "";
    for (unsigned i = 0; i < CHUNKS; i++) {
        size_t size = strlen(chunks);
        snprintf(chunks + size, sizeof(chunks) - size, "1;a=%0*d\r\nx\r\n", EXTENSION_SIZE, 0);
    }
    cr_assert_gt(strlen(chunks), RATE_MIN);
    start();
    send_head("Transfer-Encoding: chunked");
    cr_expect_eq(seconds_lived_with(chunks, 60), 9, "chunks of a byte each, with long extensions");
    cr_expect(is_answered("408 Request Timeout"));
}

Test(change, that_began_fast_must_go_on_so) {
    start();
    send_head("Content-Length: 1000000");
    send_piece(900000);
    cr_expect_leq(seconds_lived(0, 60), 20);
    cr_expect(is_answered("408 Request Timeout"));
}

/* The engine ends a connection in silence when twice the time-out has passed without a byte, and a second. */
Test(change, that_began_fast_has_its_answer_before_its_connection_counts_as_idle) {
    server.config.timeout_ms = 3000;
    start();
    send_head("Content-Length: 1000000");
    send_piece(900000);
    cr_expect_leq(seconds_lived(0, 60), 4);
    cr_expect(is_answered("408 Request Timeout"));
}

Test(change, is_not_judged_by_time_in_which_nobody_looked) {
    start();
    send_head("Content-Length: 100000");
    http_talk_server_advance(&server, 300);
    talk_step(&talk, false);
    cr_expect_not(talk.closed);
}

Test(change, may_come_at_any_pace_without_a_rate) {
    server.config.upload_rate_min = 0;
    start();
    send_head("Content-Length: 100000");
    cr_expect_eq(seconds_lived(1, 100), 100);
}

Test(change, is_dropped_at_the_same_pace_where_nobody_wants_it) {
    start();
    talk_send(&talk, bytes_from_string("GET /cache/a HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n"));
    cr_expect_eq(seconds_lived(1, 60), 9);
    cr_expect_not(is_answered("408"), "it has had its answer");
}
