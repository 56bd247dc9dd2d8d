/* SPDX-License-Identifier: MIT
 *
 * saved: a connection whose session is saved and loaded again, wherever its stream was cut, is answered as one that is not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "call.h"
#include "fixture.h"
#include "log/watch.h"
#include "riposte/random.h"
#include "riposte/record.h"
#include "saved.h"
#include "stream.h"

TestSuite(saved, .init = open_all, .fini = close_all, .timeout = 60);

static const char stream[] =
    "set a 5 0 10\r\n0123456789\r\nset b 0 0 3\r\nabc\r\nget a b c\r\nset n 0 0 1\r\n1\r\nincr n 7\r\nget n "
    "n n n\r\n"
    "append a 0 0 5\r\n-tail\r\nprepend a 0 0 5\r\nhead-\r\nget a\r\nadd a 0 0 3\r\nxyz\r\nadd fresh 1 0 "
    "3\r\nxyz\r\n"
    "replace b 0 0 4 noreply\r\nquiet\r\nversion\r\nget b\r\nset bad 0 0 3\r\nabcXXversion\r\nset a x 0 "
    "9\r\nget a\r\nxx\r\n"
    "ms m S 4 T0 c k Oopaque\r\nmeta\r\nms q 3 q\r\nabc\r\nmn\r\nms YmluYXJ5 6 b k Ox\r\nbinary\r\nmg "
    "YmluYXJ5 b v k\r\n"
    "ms m 5 MA T90\r\n-more\r\nmg m v t s\r\nma n N0 J13 D5 v\r\nmd m q\r\nmg m v\r\n"
    "gat 100 a b\r\ngats 0 a b fresh\r\ntouch a 50\r\ndelete b\r\nget a b fresh n bad\r\ncas a 0 0 2 "
    "1\r\nno\r\n"
    "set big 0 0 70000\r\n";

Test(saved, wherever_a_stream_is_cut_the_answers_are_the_same) {
    const struct stream_side side = {open_all, close_all, &talk, talk_output};
    stream_check_moves(&side, stream, 70000, "\r\nget big\r\nversion\r\n");
}

Test(saved, a_get_line_goes_on_between_any_two_of_its_keys) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nset b 0 0 1\r\n2\r\n", "STORED\r\nSTORED\r\n");
    talk.hold = true;
    talk.reply.unsent_size_max = 1; /* a bound after each value */
    talk_send(&talk, bytes_from_string("get a b a b x\r\nversion\r\n"));
    unsigned moves = 0;
    for (; talk.again; moves++) {
        talk_move(&talk);
        talk_step(&talk, false);
    }
    struct bytes output = talk_output(&talk);
    cr_assert(bytes_equal_string(output, "VALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nVALUE a 0 1\r\n1\r\n"
                                         "VALUE b 0 1\r\n2\r\nEND\r\nVERSION 1.6.45\r\n"));
    cr_assert_gt(moves, 4);
}

Test(saved, a_line_too_long_to_be_checked_goes_on_where_it_is) {
    enum { KEYS = 4000 };
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    talk_send(&talk, bytes_from_string("get"));
    for (int i = 0; i < KEYS; i++) {
        talk_send(&talk, bytes_from_string(" not_there"));
        if (i % 100 == 0) {
            talk_move(&talk);
        }
    }
    talk_check(&talk, " a\r\n", "VALUE a 0 1\r\n1\r\nEND\r\n");
}

static void allow_large(struct talk_server *changed) {
    changed->config.item_size_max = changed->store_config.item_size_max = 8 << 20;
}

Test(saved, a_value_half_copied_into_the_store_is_copied_whole) {
    enum { SIZE = 5 << 20 };
    reopen_with(allow_large);
    char *value = malloc(SIZE);
    cr_assert_not_null(value);
    for (size_t i = 0; i < SIZE; i++) {
        value[i] = (char)('a' + i % 23);
    }
    talk_send(&talk, bytes_from_string("set large 3 0 5242880\r\n"));
    talk_send(&talk, bytes_of(value, SIZE - 5));
    talk_move(&talk);
    talk.hold = true; /* so that the calls are ours */
    talk_send(&talk, bytes_of(value + SIZE - 5, 5));
    talk.input = malloc(2);
    cr_assert_not_null(talk.input);
    memcpy(talk.input, "\r\n", 2);
    talk.input_size = 2;
    talk_step(&talk, false);
    talk_step(&talk, false);
    cr_assert(talk.again, "more is to be copied");
    talk_move(&talk); /* the copy begins anew */
    talk_go_on(&talk);
    cr_assert(bytes_equal_string(talk_output(&talk), "STORED\r\n"));
    talk_send(&talk, bytes_from_string("get large\r\n"));
    talk_go_on(&talk);
    struct bytes output = talk_output(&talk);
    static const char head[] = "VALUE large 3 5242880\r\n";
    cr_assert_eq(output.size, sizeof(head) - 1 + SIZE + sizeof("\r\nEND\r\n") - 1);
    cr_assert(memcmp(output.data + sizeof(head) - 1, value, SIZE) == 0);
    free(value);
}

Test(saved, an_expiry_is_the_same_moment_afterwards) {
    talk_send(&talk, bytes_from_string("set a 0 100 3\r\nab"));
    talk_move(&talk);
    talk_check(&talk, "c\r\nmg a t\r\n", "STORED\r\nHD t100\r\n");
    talk_send(&talk, bytes_from_string("set b 0 0 3\r\nab"));
    talk_move(&talk);
    talk_check(&talk, "c\r\nmg b t\r\n", "STORED\r\nHD t-1\r\n");
    talk_send(&talk, bytes_from_string("set c 0 -1 3\r\nab"));
    talk_move(&talk);
    talk_check(&talk, "c\r\nget c\r\n", "STORED\r\nEND\r\n");
}

Test(saved, a_watcher_gets_the_lines_that_waited_for_it_and_those_that_come) {
    struct talk other;
    talk_open(&other, &server);
    talk_check(&talk, "watch mutations\r\n", "OK\r\n");
    talk_check(&other, "set before 0 0 1\r\n1\r\n", "STORED\r\n");
    talk_move(&talk);
    talk_check(&other, "set behind 0 0 1\r\n1\r\n", "STORED\r\n");
    talk_send(&talk, bytes_of(NULL, 0));
    struct bytes output = talk_output(&talk);
    const char *before = memmem(output.data, output.size, "key=before", 10);
    const char *behind = memmem(output.data, output.size, "key=behind", 10);
    cr_assert(before != NULL && behind != NULL && before < behind);
    talk_close(&other);
}

Test(saved, what_waits_for_this_process_alone_is_not_ready) {
    talk.requests_max = 1;
    cr_assert(talk_is_ready(&talk));
    talk_send(&talk, bytes_of(NULL, 0));
    talk.hold = true;
    talk.reply.unsent_size_max = 1;
    talk_send(&talk, bytes_from_string("set a 0 0 1\r\n1\r\nlru_crawler metadump all\r\n"));
    talk_output(&talk);
    talk_step(&talk, true);
    cr_assert_not(talk_is_ready(&talk));
    talk.hold = false;
    talk.reply.unsent_size_max = 1 << 20;
    talk_go_on(&talk);
    cr_assert(talk_is_ready(&talk));
}

/* Whether the talk's session, which ends with that, is one that a server takes. */
static bool is_taken(void) {
    struct record_writer writer = {0};
    saved_write(talk.session, &writer, server.worker);
    bool taken = saved_check(bytes_of(writer.data, writer.size));
    record_discard(&writer);
    memset(talk.session, 0, memcached_protocol.session_size);
    return taken;
}

static bool is_taken_with_failures(uint8_t failures) {
    struct mc_session *session = talk.session;
    session->auth_failures = failures;
    return is_taken();
}

Test(saved, one_who_has_failed_as_often_as_closes_is_refused) {
    cr_assert(is_taken_with_failures(AUTH_FAILURES_MAX - 1));
    cr_assert_not(is_taken_with_failures(AUTH_FAILURES_MAX));
    cr_assert_not(is_taken_with_failures(UINT8_MAX));
}

static bool is_taken_watching(unsigned kinds) {
    struct mc_session *session = talk.session;
    session->state = MC_SESSION_WATCH;
    cr_assert_eq(watch_add(&server.service->watch, kinds, TALK_FD, &session->watcher), WATCH_ADDED);
    return is_taken();
}

Test(saved, a_watcher_of_what_cannot_be_watched_is_refused) {
    cr_assert(is_taken_watching(WATCH_ALL));
    cr_assert_not(is_taken_watching(WATCH_ALL + 1));
    cr_assert_not(is_taken_watching(UINT32_MAX));
}

Test(saved, random_bytes_are_no_session_or_a_sound_one) {
    struct random random = {1};
    struct record_writer writer = {0};
    talk_send(&talk, bytes_from_string("ms some_key 100 T30 F5 Oxy k\r\nabcdef"));
    saved_write(talk.session, &writer, server.worker);
    for (int round = 0; round < 20000; round++) {
        size_t at = random_below(&random, writer.size);
        char before = writer.data[at];
        writer.data[at] = (char)random_below(&random, 256);
        if (saved_check(bytes_of(writer.data, writer.size))) {
            memset(talk.session, 0, memcached_protocol.session_size);
            struct protocol_loaded loaded = {.next = PROTOCOL_NEXT_INPUT};
            cr_assert(saved_load(talk.session, &talk_peer, bytes_of(writer.data, writer.size), &loaded,
                                 server.worker));
            memcached_protocol.on_close(talk.session, &talk_peer, PROTOCOL_CLOSE_NORMAL, server.worker);
        }
        writer.data[at] = before;
    }
    record_discard(&writer);
    memset(talk.session, 0, memcached_protocol.session_size);
}
