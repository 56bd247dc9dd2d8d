/* SPDX-License-Identifier: MIT
 *
 * What a call says of its cost, and where it ends for the sake of others.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

TestSuite(costly, .init = open_all, .fini = close_all);

/* Gives the server `request` and one call. */
static void call_once(const char *request) {
    free(talk.input);
    talk.input_size = strlen(request);
    talk.input = malloc(talk.input_size);
    memcpy(talk.input, request, talk.input_size);
    talk_step(&talk, false);
}

Test(costly, small_requests_are_not) {
    call_once(
        "set a 0 0 1\r\n1\r\nget a\r\nmg a v\r\nincr a 1\r\nappend a 0 0 1\r\nx\r\ndelete a\r\nversion\r\n");
    cr_expect_not(talk.costly);
    cr_expect_eq(talk.input_size, 0);
}

Test(costly, every_stats_is_and_ends_its_call) {
    static const char *const names[] = {"",       " settings", " items", " slabs",
                                        " sizes", " riposte",  " reset", " x"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char request[64];
        snprintf(request, sizeof(request), "stats%s\r\nmn\r\n", names[i]);
        call_once(request);
        cr_expect(talk.costly && talk.again, "stats%s", names[i]);
        cr_expect_eq(talk.input_size, 4, "stats%s", names[i]);
        talk_step(&talk, false);
        cr_expect_not(talk.costly);
    }
}

Test(costly, a_flushed_prefix_is_and_ends_its_call) {
    call_once("flush_prefix a\r\nmn\r\n");
    cr_expect(talk.costly && talk.again);
    cr_expect_eq(talk.input_size, 4);
}

Test(costly, a_piece_of_a_listing_is) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    call_once("lru_crawler metadump all\r\n");
    cr_expect(talk.costly && talk.again);
}

/* A value of `size` bytes, a number at its beginning. */
static void set_value(size_t size) {
    char line[64];
    char *block = malloc(size + 2);
    memset(block, ' ', size);
    block[0] = '1';
    memcpy(block + size, "\r\n", 2);
    talk_send(&talk, bytes_of(line, (size_t)snprintf(line, sizeof(line), "set a 0 0 %zu\r\n", size)));
    talk_send(&talk, bytes_of(block, size + 2));
    cr_assert(bytes_equal_string(talk_output(&talk), "STORED\r\n"));
    free(block);
}

static void append_to(size_t size) {
    set_value(size);
    call_once("append a 0 0 1\r\nx\r\nmn\r\n");
    talk_output(&talk);
}

Test(costly, a_small_request_is_that_makes_a_new_value_of_32_kib) {
    static const char *const requests[] = {"incr a 1\r\nmn\r\n", "decr a 1\r\nmn\r\n", "ma a\r\nmn\r\n",
                                           "md a I\r\nmn\r\n"};
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        set_value((32 << 10) - 1);
        call_once(requests[i]);
        cr_expect(!talk.costly && talk.input_size == 0, "%s", requests[i]);
        talk_output(&talk);
        set_value(32 << 10);
        call_once(requests[i]);
        cr_expect(talk.costly && talk.again && talk.input_size == 4, "%s", requests[i]);
        talk_go_on(&talk);
        talk_output(&talk);
    }
}

Test(costly, an_append_is_from_32_kib_of_result_on) {
    append_to((32 << 10) - 2);
    cr_expect(!talk.costly && talk.input_size == 0);
    append_to((32 << 10) - 1);
    cr_expect(talk.costly && talk.again && talk.input_size == 4);
}

/* A get of `count` keys, and another request behind it. */
static void get_many(unsigned count) {
    char *request = malloc(16 + 8 * (size_t)count);
    char *at = request + sprintf(request, "get");
    for (unsigned i = 0; i < count; i++) {
        at += sprintf(at, " k%u", i);
    }
    memcpy(at, "\r\nmn\r\n", 7);
    call_once(request);
    free(request);
}

Test(costly, a_get_is_from_256_keys_on) {
    get_many(255);
    cr_expect(!talk.costly && talk.input_size == 0);
    cr_expect_eq(talk.work, 255, "the clock is looked at sooner");
    get_many(256);
    cr_expect(talk.costly && talk.again && talk.input_size == 4);
}

Test(costly, a_get_stops_after_256_keys) {
    get_many(257);
    cr_expect(talk.costly && talk.again);
    cr_expect_eq(talk.input_size, strlen(" k256\r\nmn\r\n"));
}

/* A set of so many bytes whose first half comes before the rest. */
static void set_in_pieces(size_t size) {
    char line[64];
    char *block = calloc(1, size + 2);
    memcpy(block + size, "\r\n", 2);
    talk_send(&talk, bytes_of(line, (size_t)snprintf(line, sizeof(line), "set a 0 0 %zu\r\n", size)));
    talk_send(&talk, bytes_of(block, size / 2));
    talk_send(&talk, bytes_of(block + size / 2, size + 2 - size / 2));
    cr_assert(bytes_equal_string(talk_output(&talk), "STORED\r\n"));
    free(block);
}

Test(costly, a_copy_of_a_value_is_work_by_its_size) {
    set_in_pieces(64 << 10);
    cr_expect(!talk.costly && talk.work >= 64, "%u", talk.work);
    set_in_pieces(256 << 10);
    cr_expect(talk.costly, "%u", talk.work);
}
