/* SPDX-License-Identifier: MIT
 *
 * Requests that find no memory while some is on its way come again, without holding the other connections of their worker. Another
 * worker of the store stands still, so that nothing comes free until the test lets it go on.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "http_talk.h"
#include "riposte/clock.h"

#define HOST "Host: localhost\r\n"

enum { LARGE_SIZE = 500000, VALUE_SIZE = 4000, PUTS_MAX = 100000, REQUEST_SIZE_MAX = VALUE_SIZE + 200 };

static struct http_talk_server server;
static struct talk talk;
static struct store_worker *still;

static void input_set(struct bytes request) {
    free(talk.input);
    talk.input_size = request.size;
    talk.input = malloc(request.size);
    memcpy(talk.input, request.data, request.size);
}

/* One call with that request: true when it is answered with that status. */
static bool step_answers(const char *status) {
    talk_step(&talk, false);
    struct bytes output = http_talk_output(&talk);
    return output.size > 12 && memcmp(output.data + 9, status, 3) == 0;
}

/* A request with a body of VALUE_SIZE bytes. */
static struct bytes large_request(char text[REQUEST_SIZE_MAX], const char *method, const char *target) {
    int size = snprintf(text, REQUEST_SIZE_MAX, "%s %s HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n",
                        method, target, VALUE_SIZE);
    memset(text + size, 'v', VALUE_SIZE);
    return bytes_of(text, (size_t)size + VALUE_SIZE);
}

static void open_with_one_that_stands_still(void) {
    http_talk_server_config(&server);
    server.store_config.memory_size_max = (size_t)16 << 20;
    server.store_config.workers_max = 2;
    server.store_config.turn_wait_us = 1000;
    http_talk_server_init(&server);
    http_talk_open(&talk, &server);
    talk.patient = false;
    still = store_worker_join(server.store, server.now_ns);
    cr_assert_not_null(still);
}

static void close_both(void) {
    store_worker_leave(still);
    talk_close(&talk);
    http_talk_server_deinit(&server);
}

TestSuite(room, .init = open_with_one_that_stands_still, .fini = close_both);

/* Puts until there is no room: the last one waits, with its body whole, and is taken back. */
static void fill(void) {
    char target[64], text[REQUEST_SIZE_MAX];
    for (unsigned number = 0; number < PUTS_MAX; number++) {
        snprintf(target, sizeof(target), "/cache/key-%u", number);
        input_set(large_request(text, "PUT", target));
        if (!step_answers("201")) {
            talk_close(&talk);
            http_talk_open(&talk, &server);
            talk.patient = false;
            return;
        }
    }
    cr_assert_fail("there is always room");
}

static void still_goes_on(void) {
    for (int i = 0; i < 4; i++) {
        store_quiescent(still, server.now_ns);
        store_quiescent(server.store_worker, server.now_ns);
    }
}

/* The request, which is the input, comes again until there is room, and is answered once. */
static void check_waits(const char *status) {
    struct talk other;
    for (int i = 0; i < 3; i++) {
        talk_step(&talk, false);
        cr_assert_eq(talk_output(&talk).size, 0, "it was answered: %.*s", (int)talk.output_size, talk.output);
        cr_expect((talk.next == PROTOCOL_NEXT_LATER || talk.again) && talk.costly, "it waits behind others");
    }
    http_talk_open(&other, &server);
    http_talk_check_status(&other, "GET /healthz HTTP/1.1\r\n" HOST "\r\n", "200");
    talk_close(&other);
    still_goes_on();
    cr_expect(step_answers(status), "%.*s", (int)talk.output_size, talk.output);
    cr_expect_eq(talk.input_size, 0);
}

Test(room, a_counter_waits_for_room) {
    fill();
    input_set(bytes_from_string("POST /cache/new?op=incr&initial=5 HTTP/1.1\r\n" HOST "\r\n"));
    check_waits("200");
    http_talk_check_status(&talk, "GET /cache/new HTTP/1.1\r\n" HOST "\r\n", "200");
}

/* There is room for the byte, not for the whole that it makes. */
Test(room, an_append_waits_for_room) {
    char body[LARGE_SIZE], head[200];
    memset(body, 'v', sizeof(body));
    int size = snprintf(head, sizeof(head), "PUT /cache/large HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n",
                        LARGE_SIZE);
    talk_send(&talk, bytes_of(head, (size_t)size));
    talk_send(&talk, bytes_of(body, sizeof(body)));
    cr_assert_not_null(strstr(http_talk_output(&talk).data, "201"));
    unsigned appended = 0;
    do {
        cr_assert_lt(appended++, PUTS_MAX, "there is always room");
        input_set(
            bytes_from_string("POST /cache/large?op=append HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n+"));
    } while (step_answers("204"));
    check_waits("204");
    snprintf(head, sizeof(head),
             "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %u\r\n",
             LARGE_SIZE + appended);
    talk_send(&talk, bytes_from_string("HEAD /cache/large HTTP/1.1\r\n" HOST "\r\n"));
    cr_expect_not_null(strstr(http_talk_output(&talk).data, head), "each byte once");
}

Test(room, what_waits_too_long_is_refused) {
    fill();
    input_set(bytes_from_string("POST /cache/new?op=incr&initial=5 HTTP/1.1\r\n" HOST "\r\n"));
    talk_step(&talk, false);
    cr_assert_eq(talk_output(&talk).size, 0);
    server.now_ns += 5 * CLOCK_NS_PER_S;
    cr_expect(step_answers("507"));
    cr_expect_eq(talk.input_size, 0);
}
