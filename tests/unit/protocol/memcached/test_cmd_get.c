/* SPDX-License-Identifier: MIT
 *
 * cmd_get: get, gets, gat, gats.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

TestSuite(get, .init = open_all, .fini = close_all);

Test(get, finds_what_was_set_and_nothing_else) {
    talk_check(&talk, "get a\r\n", "END\r\n");
    talk_check(&talk, "set a 7 0 5\r\nhello\r\n", "STORED\r\n");
    talk_check(&talk, "get a\r\n", "VALUE a 7 5\r\nhello\r\nEND\r\n");
    talk_check(&talk, "get b\r\n", "END\r\n");
}

Test(get, answers_an_empty_value_and_large_flags) {
    talk_check(&talk, "set a 4294967295 0 0\r\n\r\n", "STORED\r\n");
    talk_check(&talk, "get a\r\n", "VALUE a 4294967295 0\r\n\r\nEND\r\n");
}

Test(get, takes_a_key_of_250_bytes_of_any_kind) {
    talk_check(&talk, "set " KEY_250 " 0 0 1\r\nx\r\n", "STORED\r\n");
    talk_check(&talk, "get " KEY_250 "\r\n", "VALUE " KEY_250 " 0 1\r\nx\r\nEND\r\n");
    talk_check(&talk, "set \x01\t\xff\r 0 0 1\r\ny\r\n", "STORED\r\n");
    talk_check(&talk, "get \x01\t\xff\r\r\n", "VALUE \x01\t\xff\r 0 1\r\ny\r\nEND\r\n");
}

Test(get, answers_many_keys_in_their_order) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nset b 0 0 1\r\n2\r\n", "STORED\r\nSTORED\r\n");
    talk_check(&talk, "get b x a b\r\n",
               "VALUE b 0 1\r\n2\r\nVALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\n");
    talk_check(&talk, "get  b  a \n", "VALUE b 0 1\r\n2\r\nVALUE a 0 1\r\n1\r\nEND\r\n");
}

Test(get, has_another_name_that_memcached_took_long) {
    talk_check(&talk, "set a 5 0 1\r\n1\r\n", "STORED\r\n");
    talk_check(&talk, "bget a x a\r\nbget x\r\n", "VALUE a 5 1\r\n1\r\nVALUE a 5 1\r\n1\r\nEND\r\nEND\r\n");
    talk_check(&talk, "bget\r\nbget a " KEY_251 "\r\nbget noreply\r\n", BAD_FORMAT BAD_FORMAT "END\r\n");
}

Test(get, answers_a_pipeline_in_order_with_misses_between) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    talk_check(&talk, "get a\r\nget x\r\nget a\r\nversion\r\nget a\r\n",
               "VALUE a 0 1\r\n1\r\nEND\r\nEND\r\nVALUE a 0 1\r\n1\r\nEND\r\nVERSION 1.6.45\r\nVALUE a 0 "
               "1\r\n1\r\nEND\r\n");
}

Test(get, is_refused_whole_for_one_key_that_is_too_long) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    talk_check(&talk, "get a " KEY_251 "\r\nget a\r\n", BAD_FORMAT "VALUE a 0 1\r\n1\r\nEND\r\n");
    talk_check(&talk, "get " KEY_251 "\r\n", BAD_FORMAT);
    talk_check(&talk, "gets a a a " KEY_251 " a\r\n", BAD_FORMAT);
}

/* The number behind "VALUE a 0 1 " of a gets. */
static unsigned long long cas_of(const char *key) {
    char request[64];
    snprintf(request, sizeof(request), "gets %s\r\n", key);
    talk_send(&talk, bytes_from_string(request));
    struct bytes output = talk_output(&talk);
    unsigned long long cas = 0;
    cr_assert_eq(sscanf(output.data, "VALUE %*s %*u %*u %llu\r\n", &cas), 1, "%s", output.data);
    return cas;
}

Test(get, shows_a_new_cas_after_every_change) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    unsigned long long first = cas_of("a");
    cr_assert_neq(first, 0);
    cr_assert_eq(cas_of("a"), first);
    talk_check(&talk, "incr a 1\r\n", "2\r\n");
    cr_assert_gt(cas_of("a"), first);
}

static void cas_off(struct talk_server *changed) {
    changed->config.cas_enabled = false;
}

Test(get, shows_no_cas_where_it_is_turned_off) {
    reopen_with(cas_off);
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    talk_check(&talk, "gets a\r\n", "VALUE a 0 1 0\r\n1\r\nEND\r\n");
}

Test(get, gat_sets_the_expiry_of_every_key) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nset b 0 0 1\r\n2\r\n", "STORED\r\nSTORED\r\n");
    talk_check(&talk, "gat 100 a b c\r\n", "VALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\n");
    talk_server_advance(&server, 99);
    talk_check(&talk, "get a b\r\n", "VALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\n");
    talk_server_advance(&server, 1);
    talk_check(&talk, "get a b\r\n", "END\r\n");
}

Test(get, gat_with_a_negative_time_answers_and_expires) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    talk_check(&talk, "gat -1 a\r\nget a\r\n", "VALUE a 0 1\r\n1\r\nEND\r\nEND\r\n");
}

Test(get, gat_refuses_what_is_no_time) {
    talk_check(&talk, "gat x a\r\ngats\r\ngat 1\r\n",
               "CLIENT_ERROR invalid exptime argument\r\n" BAD_FORMAT BAD_FORMAT);
}

/* Values around every border between the ways of sending: in one run, copied, pinned. */
Test(get, sends_values_of_every_size_whole) {
    static const size_t sizes[] = {1,    1000, 1700, 1730, 1735, 1740, 1745,  1750,   2046,
                                   2047, 2048, 4094, 4095, 4096, 4097, 16384, 100000, 1000000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *value = malloc(sizes[i] + 2);
        for (size_t j = 0; j < sizes[i]; j++) {
            value[j] = (char)('a' + (i + j) % 26);
        }
        memcpy(value + sizes[i], "\r\n", 2);
        char line[64];
        int line_size = snprintf(line, sizeof(line), "set k 3 0 %zu\r\n", sizes[i]);
        talk_send(&talk, bytes_of(line, (size_t)line_size));
        talk_send(&talk, bytes_of(value, sizes[i] + 2));
        cr_assert(bytes_equal_string(talk_output(&talk), "STORED\r\n"), "%zu", sizes[i]);
        talk_send(&talk, bytes_from_string("get k\r\nget k x\r\n"));
        struct bytes output = talk_output(&talk);
        line_size = snprintf(line, sizeof(line), "VALUE k 3 %zu\r\n", sizes[i]);
        for (int time = 0; time < 2; time++) {
            size_t head = (size_t)line_size;
            cr_assert(output.size >= head + sizes[i] + 7 && memcmp(output.data, line, head) == 0, "%zu",
                      sizes[i]);
            cr_assert(memcmp(output.data + head, value, sizes[i] + 2) == 0, "%zu", sizes[i]);
            cr_assert(memcmp(output.data + head + sizes[i] + 2, "END\r\n", 5) == 0, "%zu", sizes[i]);
            output = bytes_of(output.data + head + sizes[i] + 7, output.size - head - sizes[i] - 7);
        }
        cr_assert_eq(output.size, 0);
        free(value);
    }
}

Test(get, keeps_a_value_that_is_being_sent_although_it_is_overwritten) {
    enum { SIZE = 8192 };
    static char value[SIZE + 1];
    memset(value, 'o', SIZE);
    talk_send(&talk, bytes_from_string("set a 0 0 8192\r\n"));
    talk_send(&talk, bytes_of(value, SIZE));
    talk_check(&talk, "\r\n", "STORED\r\n");
    struct talk reader;
    talk_open(&reader, &server);
    reader.input = strdup("get a\r\n");
    reader.input_size = 7;
    talk_step(&reader, true);
    talk_check(&talk, "set a 0 0 1\r\nn\r\ndelete a\r\nflush_all\r\n", "STORED\r\nDELETED\r\nOK\r\n");
    talk_server_advance(&server, 5);
    struct bytes output = talk_output(&reader);
    cr_assert_eq(output.size, strlen("VALUE a 0 8192\r\n") + SIZE + 7);
    cr_assert(memcmp(output.data + strlen("VALUE a 0 8192\r\n"), value, SIZE) == 0);
    talk_close(&reader);
}

/* A get line whose answer is larger than a connection may owe: it stops at a key and goes on there. */
Test(get, stops_at_a_key_when_the_answer_is_too_much_and_goes_on) {
    enum { KEYS = 1000, OUTPUT_MAX = 10000 };
    talk_check(&talk, "set a 0 0 100\r\n" KEY_50 KEY_50 "\r\n", "STORED\r\n");
    static char line[KEYS * 2 + 32] = "get";
    for (size_t i = 0; i < KEYS; i++) {
        strcat(line, " a");
    }
    strcat(line, "\r\nget x\r\n");
    talk.reply.unsent_size_max = OUTPUT_MAX;
    talk.input = strdup(line);
    talk.input_size = strlen(line);
    talk_step(&talk, true);
    cr_assert(talk.again);
    cr_assert_eq(talk.requests, 1, "the set");
    cr_assert_geq(talk.reply.unsent_size, OUTPUT_MAX);
    cr_assert_lt(talk.reply.unsent_size, OUTPUT_MAX + 200);
    talk_send(&talk, bytes_of(NULL, 0));
    struct bytes output = talk_output(&talk);
    cr_assert_eq(output.size, KEYS * (strlen("VALUE a 0 100\r\n") + 102) + strlen("END\r\nEND\r\n"));
    cr_assert_eq(talk.requests, 3);
    cr_assert_eq(talk.input_size, 0);
}

Test(get, serves_a_line_of_a_hundred_thousand_keys_in_several_turns) {
    enum { KEYS = 100000 };
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    char *line = malloc(KEYS * 2 + 8);
    memcpy(line, "get", 3);
    for (size_t i = 0; i < KEYS; i++) {
        memcpy(line + 3 + i * 2, i % 1000 == 0 ? " a" : " x", 2);
    }
    memcpy(line + 3 + KEYS * 2, "\r\n", 2);
    talk.input = line;
    talk.input_size = 3 + KEYS * 2 + 2;
    unsigned steps = 0;
    do {
        talk_step(&talk, false);
        steps++;
    } while (talk.again);
    cr_assert_gt(steps, 10);
    cr_assert_eq(talk_output(&talk).size, KEYS / 1000 * strlen("VALUE a 0 1\r\n1\r\n") + strlen("END\r\n"));
}

Test(get, completes_no_more_requests_at_a_time_than_it_may) {
    talk.requests_max = 3;
    talk.input = strdup("get a\r\nget b\r\nget c\r\nget d\r\nget e\r\n");
    talk.input_size = 35;
    talk_step(&talk, false);
    cr_assert_eq(talk.requests, 3);
    cr_assert(talk.again);
    talk_step(&talk, false);
    cr_assert_eq(talk.requests, 5);
    cr_assert_not(talk.again);
}
