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

Test(costly, a_piece_of_a_listing_is) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    call_once("lru_crawler metadump all\r\n");
    cr_expect(talk.costly && talk.again);
}

static void append_to(size_t size) {
    char line[64];
    char *block = calloc(1, size + 2);
    memcpy(block + size, "\r\n", 2);
    talk_send(&talk, bytes_of(line, (size_t)snprintf(line, sizeof(line), "set a 0 0 %zu\r\n", size)));
    talk_send(&talk, bytes_of(block, size + 2));
    cr_assert(bytes_equal_string(talk_output(&talk), "STORED\r\n"));
    free(block);
    call_once("append a 0 0 1\r\nx\r\nmn\r\n");
    talk_output(&talk);
}

Test(costly, an_append_is_above_32_kib_of_result) {
    append_to((32 << 10) - 1);
    cr_expect(!talk.costly && talk.input_size == 0);
    append_to(32 << 10);
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

Test(costly, a_get_is_above_256_keys) {
    get_many(256);
    cr_expect(!talk.costly && talk.input_size == 0);
    get_many(257);
    cr_expect(talk.costly && talk.again && talk.input_size == 4);
}

Test(costly, a_get_stops_after_1024_keys) {
    get_many(1024);
    cr_expect(talk.costly && talk.input_size == 4, "the line was answered");
    get_many(1025);
    cr_expect(talk.costly && talk.again);
    cr_expect_eq(talk.input_size, strlen(" k1024\r\nmn\r\n"));
}
