/* SPDX-License-Identifier: MIT
 *
 * memcached: framing: lines and blocks cut anywhere, lines that never end, protocols that are not ours.
 */
#include "fixture.h"
#include "riposte/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

TestSuite(framing, .init = open_all, .fini = close_all);

/* A conversation with something of everything. Its answers are the same however its bytes are cut. */
static const char *const script =
    "set a 1 0 5\r\nhello\r\nget a\r\nget a b\r\nset c 0 0 0\r\n\r\ngets\r\nfoo bar\r\nincr a 1\r\n"
    "set n 0 0 2 noreply\r\n10\r\nincr n 5\r\nset a 1 0 3\r\nabcdeversion\r\nget  n  c \nset x y 0 "
    "4\r\nquit\r\n"
    "delete c\r\ntouch n 100\r\ngat 100 n a\r\nappend n 0 0 2\r\n00\r\nget n\r\nflush_all\r\nget n a "
    "c\r\nversion\r\n";

static const char *const script_answers =
    "STORED\r\nVALUE a 1 5\r\nhello\r\nEND\r\nVALUE a 1 5\r\nhello\r\nEND\r\nSTORED\r\n" BAD_FORMAT
    "ERROR\r\n"
    "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
    "15\r\nCLIENT_ERROR bad data chunk\r\nVERSION 1.6.45\r\nVALUE n 0 2\r\n15\r\nVALUE c 0 "
    "0\r\n\r\nEND\r\n" BAD_FORMAT
    "DELETED\r\nTOUCHED\r\nVALUE n 0 2\r\n15\r\nVALUE a 1 5\r\nhello\r\nEND\r\nSTORED\r\n"
    "VALUE n 0 4\r\n1500\r\nEND\r\nOK\r\nEND\r\nVERSION 1.6.45\r\n";

Test(framing, answers_the_same_in_one_piece) {
    talk_check(&talk, script, script_answers);
}

Test(framing, answers_the_same_cut_in_two_anywhere) {
    for (size_t cut = 0; cut <= strlen(script); cut++) {
        struct talk other;
        talk_open(&other, &server);
        talk_send(&other, bytes_of(script, cut));
        talk_check(&other, script + cut, script_answers);
        talk_close(&other);
    }
}

Test(framing, answers_the_same_byte_by_byte) {
    for (size_t i = 0; i + 1 < strlen(script); i++) {
        talk_send(&talk, bytes_of(script + i, 1));
    }
    talk_check(&talk, script + strlen(script) - 1, script_answers);
}

Test(framing, answers_the_same_with_any_bound_on_requests) {
    for (unsigned requests_max = 1; requests_max < 12; requests_max++) {
        struct talk other;
        talk_open(&other, &server);
        other.requests_max = requests_max;
        talk_check(&other, script, script_answers);
        talk_close(&other);
    }
}

Test(framing, answers_the_same_cut_at_random) {
    const char *given = getenv("RIPOSTE_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : random_seed();
    cr_log_info("RIPOSTE_SEED=%llu", (unsigned long long)seed);
    struct random random = {.state = seed};
    for (int round = 0; round < 300; round++) {
        struct talk other;
        talk_open(&other, &server);
        other.requests_max = 1 + (unsigned)random_below(&random, 20);
        other.reply.unsent_size_max = 1 + (uint32_t)random_below(&random, 200);
        for (size_t at = 0; at < strlen(script);) {
            size_t size = 1 + random_below(&random, 40);
            size = size < strlen(script) - at ? size : strlen(script) - at;
            talk_send(&other, bytes_of(script + at, size));
            at += size;
        }
        struct bytes output = talk_output(&other);
        cr_assert(bytes_equal_string(output, script_answers), "RIPOSTE_SEED=%llu: %s",
                  (unsigned long long)seed, output.data);
        talk_close(&other);
    }
}

Test(framing, refuses_short_lines_and_unknown_words_and_goes_on) {
    talk_check(&talk, "\r\na\r\nab\n\nGET a\r\n get a\r\nversion\r\n",
               BAD_FORMAT BAD_FORMAT BAD_FORMAT BAD_FORMAT "ERROR\r\nERROR\r\nVERSION 1.6.45\r\n");
    talk_check(&talk, "foo noreply\r\nfoo noreply x\r\n", "ERROR\r\n");
}

Test(framing, closes_without_a_word_on_a_line_that_does_not_end) {
    static char line[2049];
    memset(line, 'x', sizeof(line));
    talk_send(&talk, bytes_of(line, 2048));
    cr_assert_not(talk.closed);
    talk_send(&talk, bytes_of(line, 1));
    cr_assert(talk.closed);
    cr_assert_eq(talk_output(&talk).size, 0);
}

/* A get line of LONG_COUNT keys, most of 200 bytes; one of ten is "hit". */
enum { LONG_COUNT = 3000 };

static size_t long_line(char *line) {
    size_t size = (size_t)sprintf(line, "get");
    for (int i = 0; i < LONG_COUNT; i++) {
        size += (size_t)(i % 10 == 0 ? sprintf(line + size, " hit") : sprintf(line + size, " %0200d", i));
    }
    return size;
}

Test(framing, serves_a_get_line_of_any_length_as_it_comes) {
    static char line[LONG_COUNT * 202 + 10];
    static char expected[LONG_COUNT * 20];
    talk_check(&talk, "set hit 0 0 1\r\nx\r\n", "STORED\r\n");
    size_t size = long_line(line);
    size_t expected_size = 0;
    for (int i = 0; i < LONG_COUNT / 10; i++) {
        expected_size += (size_t)sprintf(expected + expected_size, "VALUE hit 0 1\r\nx\r\n");
    }
    sprintf(expected + expected_size, "END\r\n");
    for (size_t at = 0; at < size; at += 1000) {
        talk_send(&talk, bytes_of(line + at, size - at < 1000 ? size - at : 1000));
        cr_assert_leq(talk.input_size, 16 * 1024, "it is not collected");
    }
    cr_assert_lt(talk.input_size, 250);
    talk_check(&talk, "\r\n", expected);
    memcpy(line + size, "\r\n", 3);
    talk_check(&talk, line, expected);
    talk_check(&talk, "mn\r\n", "MN\r\n");
}

Test(framing, answers_a_bad_key_of_a_long_line_in_its_place_and_skips_the_rest) {
    static char line[20100];
    talk_check(&talk, "set hit 0 0 1\r\nx\r\n", "STORED\r\n");
    memset(line, ' ', 17000);
    memcpy(line, "get hit", 7);
    memset(line + 17000, 'k', 251);
    strcpy(line + 17251, " hit");
    talk_check(&talk, line, "VALUE hit 0 1\r\nx\r\n" BAD_FORMAT);
    talk_check(&talk, " hit hit\r\nmn\r\n", "MN\r\n");
    strcpy(line + 17000, " hit hit\r\nmn\r\n");
    talk_check(&talk, line,
               "VALUE hit 0 1\r\nx\r\nVALUE hit 0 1\r\nx\r\nVALUE hit 0 1\r\nx\r\nEND\r\nMN\r\n");
}

Test(framing, waits_for_the_end_of_a_key_of_250_bytes_in_a_long_line_and_not_of_a_longer_one) {
    static char line[17300];
    memset(line, ' ', 17000);
    memcpy(line, "get", 3);
    memset(line + 17000, 'k', 250);
    talk_check(&talk, line, "");
    talk_check(&talk, "\r", "");
    talk_check(&talk, "\nmn\r\n", "END\r\nMN\r\n");
    memset(line + 17000, 'k', 252);
    talk_check(&talk, line, BAD_FORMAT);
    talk_check(&talk, "kkkkk\r\nmn\r\n", "MN\r\n");
}

Test(framing, wants_a_key_in_a_long_line_too) {
    static char line[17300];
    memset(line, ' ', 17000);
    memcpy(line, "gets", 4);
    strcpy(line + 17000, "\r\nmn\r\n");
    talk_check(&talk, line, BAD_FORMAT "MN\r\n");
}

Test(framing, closes_without_a_word_on_http) {
    talk_check(&talk, "version\r\nGET / HTTP/1.1\r\nHost: x\r\nset a 0 0 1\r\n1\r\n", "VERSION 1.6.45\r\n");
    cr_assert(talk.closed);
}

Test(framing, closes_at_once_when_the_first_byte_is_binary) {
    talk_check(&talk, "\x80", "");
    cr_assert(talk.closed);
}

Test(framing, takes_a_later_binary_byte_as_a_bad_command) {
    talk_check(&talk,
               "version\r\n\x80"
               "abc\r\nversion\r\n",
               "VERSION 1.6.45\r\nERROR\r\nVERSION 1.6.45\r\n");
    cr_assert_not(talk.closed);
}

/*
 * A client that sends one byte at a time must cost linear time: 64 times the bytes, not 4096 times the work.
 */
Test(framing, searches_no_byte_of_a_line_twice) {
    static char line[16 << 10];
    memset(line, 'k', sizeof(line));
    memcpy(line, "get ", 4);
    talk.input = malloc(sizeof(line));
    memcpy(talk.input, line, sizeof(line));
    for (size_t size = 4; size < sizeof(line); size += 512) {
        const struct protocol_input input = {
            .bytes = bytes_of(talk.input, size), .requests_max = 20, .memory_size_max = SIZE_MAX};
        struct progress progress =
            memcached_protocol.on_input(talk.session, &input, &talk.reply, server.worker);
        cr_assert_eq(progress.consumed, 0);
        cr_assert_eq(progress.next, PROTOCOL_NEXT_INPUT);
        /* What was seen is not looked at again: a line feed put there goes unnoticed. */
        memset(talk.input + 4, '\n', size - 4);
    }
}
