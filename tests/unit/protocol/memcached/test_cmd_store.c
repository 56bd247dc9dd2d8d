/* SPDX-License-Identifier: MIT
 *
 * cmd_store: set, add, replace, append, prepend, cas, and their data blocks.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "riposte/clock.h"
#include "service.h"

TestSuite(storing, .init = open_all, .fini = close_all);

Test(storing, add_only_what_is_missing_and_replace_only_what_is_there) {
    talk_check(&talk, "replace a 0 0 1\r\n1\r\n", "NOT_STORED\r\n");
    talk_check(&talk, "add a 0 0 1\r\n2\r\n", "STORED\r\n");
    talk_check(&talk, "add a 0 0 1\r\n3\r\n", "NOT_STORED\r\n");
    talk_check(&talk, "replace a 5 0 1\r\n4\r\n", "STORED\r\n");
    talk_check(&talk, "get a\r\n", "VALUE a 5 1\r\n4\r\nEND\r\n");
}

Test(storing, append_and_prepend_keep_the_flags_and_expiry_of_the_item) {
    talk_check(&talk, "append a 0 0 1\r\n1\r\nprepend a 0 0 1\r\n1\r\n", "NOT_STORED\r\nNOT_STORED\r\n");
    talk_check(&talk, "set a 9 100 3\r\nmid\r\n", "STORED\r\n");
    talk_check(&talk, "append a 1 0 4\r\n-end\r\nprepend a 2 0 4\r\ntop-\r\n", "STORED\r\nSTORED\r\n");
    talk_check(&talk, "get a\r\n", "VALUE a 9 11\r\ntop-mid-end\r\nEND\r\n");
    talk_server_advance(&server, 101);
    talk_check(&talk, "get a\r\n", "END\r\n");
}

Test(storing, cas_stores_only_what_nobody_changed) {
    talk_check(&talk, "cas a 0 0 1 1\r\n1\r\n", "NOT_FOUND\r\n");
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    talk_send(&talk, bytes_from_string("gets a\r\n"));
    unsigned long long cas = 0;
    cr_assert_eq(sscanf(talk_output(&talk).data, "VALUE a 0 1 %llu\r\n", &cas), 1);
    char request[64];
    snprintf(request, sizeof(request), "cas a 0 0 1 %llu\r\n2\r\n", cas + 1000);
    talk_check(&talk, request, "EXISTS\r\n");
    talk_check(&talk, "cas a 0 0 1 0\r\n2\r\n", "EXISTS\r\n");
    snprintf(request, sizeof(request), "cas a 0 0 1 %llu\r\n3\r\n", cas);
    talk_check(&talk, request, "STORED\r\n");
    talk_check(&talk, request, "EXISTS\r\n");
    talk_check(&talk, "get a\r\n", "VALUE a 0 1\r\n3\r\nEND\r\n");
}

Test(storing, says_nothing_with_noreply_not_even_an_error) {
    talk_check(&talk, "set a 0 0 1 noreply\r\n1\r\nadd a 0 0 1 noreply\r\n2\r\n", "");
    talk_check(&talk, "append a 0 0 1 noreply\r\n2\r\ncas a 0 0 1 1 noreply\r\n2\r\n", "");
    talk_check(&talk, "set a 0 0 1 noreply\r\n12345\r\nversion\r\n", "ERROR\r\nVERSION 1.6.45\r\n");
    talk_check(&talk, "set b x 0 3 noreply\r\nabc\r\nget a b\r\n", "VALUE a 0 2\r\n12\r\nEND\r\n");
}

Test(storing, takes_line_ends_as_data) {
    talk_check(&talk, "set a 0 0 8\r\n\r\nget a\n\r\nget a\r\n",
               "STORED\r\nVALUE a 0 8\r\n\r\nget a\n\r\nEND\r\n");
}

Test(storing, refuses_a_block_that_does_not_end_as_announced_and_goes_on_behind_it) {
    talk_check(&talk, "set a 0 0 3\r\nabcXXversion\r\n", "CLIENT_ERROR bad data chunk\r\nVERSION 1.6.45\r\n");
    talk_check(&talk, "set a 0 0 3\r\nabc\n\nversion\r\n",
               "CLIENT_ERROR bad data chunk\r\nVERSION 1.6.45\r\n");
    talk_check(&talk, "set a 0 0 3\r\nabc\rXversion\r\n",
               "CLIENT_ERROR bad data chunk\r\nVERSION 1.6.45\r\n");
    talk_check(&talk, "get a\r\n", "END\r\n");
}

Test(storing, keeps_the_old_value_when_the_block_is_bad) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nset a 0 0 1\r\n2XX", "STORED\r\nCLIENT_ERROR bad data chunk\r\n");
    talk_check(&talk, "get a\r\n", "VALUE a 0 1\r\n1\r\nEND\r\n");
}

Test(storing, swallows_the_block_of_a_line_it_refuses) {
    talk_check(&talk, "set a x 0 9\r\nget a\r\nxx\r\nversion\r\n", BAD_FORMAT "VERSION 1.6.45\r\n");
    talk_check(&talk, "set " KEY_251 " 0 0 4\r\nquit\r\nversion\r\n", BAD_FORMAT "VERSION 1.6.45\r\n");
    talk_check(&talk, "cas a 0 0 4\r\nquit\r\nversion\r\n", BAD_FORMAT "VERSION 1.6.45\r\n");
}

Test(storing, swallows_nothing_when_the_size_is_no_size) {
    talk_check(&talk, "set a 0 0 -1\r\nversion\r\n", BAD_FORMAT "VERSION 1.6.45\r\n");
    talk_check(&talk, "set a 0 0 x noreply\r\nversion\r\n", BAD_FORMAT "VERSION 1.6.45\r\n");
    talk_check(&talk, "set a 0 0\r\nversion\r\n", BAD_FORMAT "VERSION 1.6.45\r\n");
}

/* Sends a storage command with `size` bytes of data in pieces of `piece_size`. */
static void send_block(const char *line, size_t size, size_t piece_size) {
    char *block = malloc(size + 2);
    memset(block, 'v', size);
    memcpy(block + size, "\r\n", 2);
    talk_send(&talk, bytes_from_string(line));
    for (size_t at = 0; at < size + 2; at += piece_size) {
        size_t left = size + 2 - at;
        talk_send(&talk, bytes_of(block + at, left < piece_size ? left : piece_size));
        cr_assert_eq(talk.input_size, 0, "a block is taken as it comes");
    }
    free(block);
}

#define TOO_LARGE "SERVER_ERROR object too large for cache\r\n"

Test(storing, a_set_that_is_too_large_leaves_no_old_value_behind) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    send_block("set a 0 0 1048577\r\n", 1048577, 65536);
    talk_check(&talk, "get a\r\n", TOO_LARGE "END\r\n");
}

Test(storing, an_add_or_append_that_is_too_large_keeps_the_old_value) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    send_block("append a 0 0 1048577\r\n", 1048577, 65536);
    send_block("add b 0 0 1048577 noreply\r\n", 1048577, 65536);
    send_block("replace a 0 0 1048577\r\n", 1048577, 65536);
    talk_check(&talk, "get a\r\n", TOO_LARGE TOO_LARGE "VALUE a 0 1\r\n1\r\nEND\r\n");
}

Test(storing, an_append_whose_result_is_too_large_is_not_stored) {
    send_block("set a 0 0 700000\r\n", 700000, 700002);
    send_block("append a 0 0 700000\r\n", 700000, 700002);
    talk_check(&talk, "incr a 1\r\n",
               "STORED\r\nNOT_STORED\r\n"
               "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n");
}

Test(storing, values_come_in_pieces_of_any_size) {
    static const size_t pieces[] = {1, 2, 3, 7, 100, 999, 1000, 1001, 1002};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        send_block("set a 0 0 1000\r\n", 1000, pieces[i]);
        cr_assert(bytes_equal_string(talk_output(&talk), "STORED\r\n"), "pieces of %zu", pieces[i]);
        talk_send(&talk, bytes_from_string("get a\r\n"));
        cr_assert_eq(talk_output(&talk).size, strlen("VALUE a 0 1000\r\n") + 1002 + 5);
    }
}

Test(storing, a_value_in_pieces_may_end_badly_too) {
    talk_check(&talk, "set a 0 0 3\r\nab", "");
    talk_check(&talk, "c", "");
    talk_check(&talk, "\r", "");
    talk_check(&talk, "Xversion\r\n", "CLIENT_ERROR bad data chunk\r\nVERSION 1.6.45\r\n");
    talk_check(&talk, "set a 0 0 0\r\n", "");
    talk_check(&talk, "XXversion\r\n", "CLIENT_ERROR bad data chunk\r\nVERSION 1.6.45\r\n");
    talk_check(&talk, "get a\r\n", "END\r\n");
}

Test(storing, a_value_in_pieces_obeys_its_command_when_it_is_complete) {
    talk_check(&talk, "add a 3 0 4\r\nab", "");
    struct talk other;
    talk_open(&other, &server);
    talk_check(&other, "get a\r\nset a 0 0 1\r\nx\r\n", "END\r\nSTORED\r\n");
    talk_check(&talk, "cd\r\n", "NOT_STORED\r\n");
    talk_check(&talk, "set a 0 0 4 noreply\r\nab", "");
    talk_check(&talk, "cd\r\nget a\r\n", "VALUE a 0 4\r\nabcd\r\nEND\r\n");
    talk_close(&other);
}

Test(storing, gives_an_unfinished_item_back_when_the_connection_ends) {
    struct store_levels before;
    struct store_levels after;
    store_stats(server.store, &before);
    for (int i = 0; i < 100; i++) {
        struct talk other;
        talk_open(&other, &server);
        talk_check(&other, "set a 0 0 1000000\r\nabc", "");
        talk_close(&other);
        talk_server_advance(&server, 0);
        talk_server_advance(&server, 0);
    }
    for (int look = 0; look < 4; look++) {
        /* A worker keeps what it freed for its next items, for two looks of a second. */
        server.now_ns += 2 * CLOCK_NS_PER_S;
        talk_server_advance(&server, 0);
    }
    store_stats(server.store, &after);
    cr_assert_leq(after.memory_size, before.memory_size);
}

Test(storing, expires_at_once_with_a_negative_time) {
    talk_check(&talk, "set a 0 -1 1\r\n1\r\nget a\r\n", "STORED\r\nEND\r\n");
    talk_check(&talk, "set a 0 2 1\r\n1\r\n", "STORED\r\n");
    talk_server_advance(&server, 2);
    talk_check(&talk, "get a\r\nadd a 0 0 1\r\n2\r\n", "END\r\nSTORED\r\n");
}

static void no_eviction(struct talk_server *changed) {
    changed->store_config.evict = false;
    changed->store_config.memory_size_max = 1 << 20;
    changed->store_config.item_size_max = 1 << 17;
}

#define NO_MEMORY "SERVER_ERROR out of memory storing object\r\n"

Test(storing, says_when_memory_ends_and_drops_the_old_value_of_a_set) {
    reopen_with(no_eviction);
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    bool full = false;
    for (int i = 0; i < 20 && !full; i++) {
        char line[64];
        snprintf(line, sizeof(line), "set key%d 0 0 100000\r\n", i);
        send_block(line, 100000, 100002);
        full = bytes_equal_string(talk_output(&talk), NO_MEMORY);
    }
    cr_assert(full);
    send_block("add b 0 0 100000\r\n", 100000, 100002);
    send_block("append a 0 0 100000\r\n", 100000, 100002);
    talk_check(&talk, "get a\r\n", NO_MEMORY NO_MEMORY "VALUE a 0 1\r\n1\r\nEND\r\n");
    send_block("set a 0 0 100000 noreply\r\n", 100000, 100002);
    talk_check(&talk, "get a\r\n", "END\r\n");
}

/* --- what announced values take ------------------------------------------------------------------------- */

static uint64_t refused_count(void) {
    return counter_read(&server.worker->counters.values_refused);
}

Test(storing, an_announced_value_takes_no_memory_before_its_bytes_come) {
    struct store_levels before, announced;
    store_stats(server.store, &before);
    talk_check(&talk, "set a 0 0 1000000\r\n", "");
    store_stats(server.store, &announced);
    cr_expect_leq(talk.memory_size, 1024);
    cr_expect_eq(announced.items_count, before.items_count);
    cr_expect_leq(announced.memory_size, before.memory_size + 1024);
}

Test(storing, is_charged_for_a_value_until_it_is_stored) {
    talk_check(&talk, "set a 0 0 1000\r\n1234", "");
    cr_expect_geq(talk.memory_size, 4);
    char rest[996 + 2];
    memset(rest, 'x', sizeof(rest));
    memcpy(rest + 996, "\r\n", 2);
    talk_send(&talk, bytes_of(rest, sizeof(rest)));
    cr_expect_eq(talk.memory_size, 0);
    cr_expect(bytes_equal_string(talk_output(&talk), "STORED\r\n"));
}

#define NO_ROOM "SERVER_ERROR out of memory storing object\r\n"

Test(storing, a_value_without_room_is_answered_and_skipped_and_the_old_one_goes) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    talk.memory_size_max = 20000;
    send_block("set a 0 0 100000\r\n", 100000, 1000);
    talk_check(&talk, "get a\r\n", NO_ROOM "END\r\n");
    cr_expect_eq(refused_count(), 1);
    cr_expect_eq(talk.memory_size, 0);
}

Test(storing, without_room_a_value_that_is_all_there_is_stored_all_the_same) {
    talk.memory_size_max = 0;
    talk_check(&talk, "set a 0 0 3\r\nabc\r\nget a\r\n", "STORED\r\nVALUE a 0 3\r\nabc\r\nEND\r\n");
    talk_check(&talk, "add b 0 0 3\r\nab", NO_ROOM);
    talk_check(&talk, "c\r\nget a b\r\n", "VALUE a 0 3\r\nabc\r\nEND\r\n");
    cr_expect_eq(refused_count(), 1);
}

Test(storing, a_refused_value_says_nothing_with_noreply) {
    talk.memory_size_max = 0;
    talk_check(&talk, "set a 0 0 3 noreply\r\nab", "");
    talk_check(&talk, "c\r\nmn\r\n", "MN\r\n");
}

Test(storing, a_connection_that_ends_gives_back_what_it_held) {
    struct talk other;
    talk_open(&other, &server);
    talk_check(&other, "set a 0 0 1000000\r\nabc", "");
    talk_close(&other); /* the address sanitizer sees what stays */
    talk_check(&talk, "get a\r\n", "END\r\n");
}

/* Calls as the engine does while nothing comes, `seconds` times. */
static void wait_seconds(unsigned seconds) {
    for (unsigned i = 0; i < seconds; i++) {
        server.now_ns += UINT64_C(1000000000);
        talk_step(&talk, false);
    }
}

Test(storing, a_value_must_come_at_a_rate) {
    server.service->config.upload_rate_min = 256;
    talk_check(&talk, "set a 0 0 100000\r\n", "");
    char bytes[2560] = {0};
    talk_send(&talk, bytes_of(bytes, 2560));
    wait_seconds(10);
    cr_expect_not(talk.closed);
    talk_send(&talk, bytes_of(bytes, 2559));
    wait_seconds(9);
    cr_expect_not(talk.closed);
    wait_seconds(1);
    cr_expect(talk.closed);
    cr_expect_eq(counter_read(&server.worker->counters.closed_slow_writer), 1);
}

/* --- waiting for room -------------------------------------------------------------------------------------- */

static uint64_t waited_count(void) {
    return counter_read(&server.worker->counters.values_waited);
}

/* 60000 of 100000 bytes have come where there is room for 20000. */
static void begin_without_room(void) {
    static char block[60000];
    memset(block, 'v', sizeof(block));
    talk.memory_size_max = 20000;
    talk.memory_may_wait = true;
    talk_check(&talk, "set a 0 0 100000\r\n", "");
    talk_send(&talk, bytes_of(block, sizeof(block)));
}

static void wait_ms(unsigned ms) {
    server.now_ns += ms * UINT64_C(1000000);
    talk_step(&talk, false);
}

Test(storing, a_value_without_room_waits_for_it_where_it_may) {
    begin_without_room();
    cr_expect(talk.next == PROTOCOL_NEXT_LATER && talk_output(&talk).size == 0, "it waits");
    cr_expect_gt(talk.input_size, 0);
    cr_expect_leq(talk.memory_size, 20000);
    wait_ms(2999);
    cr_expect(talk.next == PROTOCOL_NEXT_LATER && talk_output(&talk).size == 0, "it waits still");
    talk.memory_size_max = SIZE_MAX;
    wait_ms(0);
    cr_expect_eq(talk.input_size, 0, "it goes on");
    static char rest[40002];
    memset(rest, 'v', 40000);
    memcpy(rest + 40000, "\r\n", 2);
    talk_send(&talk, bytes_of(rest, sizeof(rest)));
    cr_expect_str_eq(talk_output(&talk).data, "STORED\r\n");
    cr_expect_eq(waited_count(), 1);
    cr_expect_eq(refused_count(), 0);
}

Test(storing, a_value_waits_three_seconds_for_room_and_is_refused_then) {
    begin_without_room();
    wait_ms(2999);
    cr_expect(talk.next == PROTOCOL_NEXT_LATER && talk_output(&talk).size == 0);
    wait_ms(1);
    cr_expect_str_eq(talk_output(&talk).data, NO_ROOM);
    cr_expect_eq(refused_count(), 1);
    cr_expect_eq(talk.memory_size, 0);
    cr_expect_eq(talk.input_size, 0, "what has come of it is skipped");
}

Test(storing, a_value_does_not_wait_for_room_that_others_wait_for_already) {
    begin_without_room();
    talk.memory_may_wait = false;
    wait_ms(1);
    cr_expect_str_eq(talk_output(&talk).data, NO_ROOM);
}

Test(storing, a_value_whose_end_can_not_come_does_not_wait_for_room) {
    begin_without_room();
    talk.input_ended = true;
    wait_ms(1);
    cr_expect_str_eq(talk_output(&talk).data, NO_ROOM);
    cr_expect_eq(talk.memory_size, 0);
}

Test(storing, the_time_in_which_a_value_waits_for_room_is_not_its_client_s) {
    static char piece[250000]; /* each needs another block */
    server.service->config.upload_rate_min = 1000000;
    talk.memory_may_wait = true;
    talk_check(&talk, "set a 0 0 1000000\r\n", "");
    for (unsigned i = 0; i < 4; i++) { /* 11 s in all, of which the client had none */
        talk.memory_size_max = talk.memory_size;
        talk_send(&talk, bytes_of(piece, sizeof(piece)));
        for (unsigned ms = 0; ms < 2800; ms += 10) {
            cr_assert(talk.next == PROTOCOL_NEXT_LATER, "it does not wait");
            wait_ms(10);
        }
        talk.memory_size_max = SIZE_MAX;
        wait_ms(10);
        cr_assert_eq(talk.input_size, 0);
    }
    cr_expect_not(talk.closed);
    cr_expect_eq(waited_count(), 4);
}

Test(storing, a_rate_of_0_is_none) {
    talk_check(&talk, "set a 0 0 3\r\n", "");
    wait_seconds(1000);
    talk_check(&talk, "abc\r\n", "STORED\r\n");
}
