/* SPDX-License-Identifier: MIT
 *
 * Requests that find no memory while some is on its way wait for it, without holding the other connections of
 * their worker. Another worker of the store stands still, so that nothing comes free until the test lets it go on.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "riposte/clock.h"

enum {
    VALUE_SIZE = 4000,
    HUGE_SIZE = 300000, /* takes a window of its own: segments that are open keep their room */
    SETS_MAX = 100000,
    REQUEST_SIZE_MAX = VALUE_SIZE + 100
};

static struct store_worker *still;

static void small_store_of_two(struct talk_server *changed) {
    changed->store_config.memory_size_max = (size_t)16 << 20;
    changed->store_config.workers_max = 2;
    changed->store_config.turn_wait_us = 1000;
}

static void input_set(struct bytes request) {
    free(talk.input);
    talk.input_size = request.size;
    talk.input = malloc(request.size);
    memcpy(talk.input, request.data, request.size);
}

/* "<words><VALUE_SIZE>\r\n<value>\r\n" */
static struct bytes large_request(char text[REQUEST_SIZE_MAX], const char *words) {
    int size = snprintf(text, REQUEST_SIZE_MAX, "%s%d\r\n", words, VALUE_SIZE);
    memset(text + size, 'v', VALUE_SIZE);
    memcpy(text + size + VALUE_SIZE, "\r\n", 2);
    return bytes_of(text, (size_t)size + VALUE_SIZE + 2);
}

static void open_with_one_that_stands_still(void) {
    open_all();
    reopen_with(small_store_of_two);
    talk_check(&talk, "set number 0 0 1\r\n1\r\n", "STORED\r\n");
    char text[REQUEST_SIZE_MAX];
    input_set(large_request(text, "set large 0 0 "));
    talk_step(&talk, false);
    cr_assert_str_eq(talk_output(&talk).data, "STORED\r\n");
    still = store_worker_join(server.store, server.now_ns);
    cr_assert_not_null(still);
}

static void close_both(void) {
    store_worker_leave(still);
    close_all();
}

TestSuite(call, .init = open_with_one_that_stands_still, .fini = close_both);

/* Stores until there is no room: the last set waits. */
static void fill(void) {
    char words[64], text[REQUEST_SIZE_MAX];
    for (unsigned number = 0; number < SETS_MAX; number++) {
        snprintf(words, sizeof(words), "set key-%u 0 0 ", number);
        input_set(large_request(text, words));
        talk_step(&talk, false);
        if (talk_output(&talk).size == 0) {
            return;
        }
        talk_check(&talk, "mg number v\r\nmg large\r\n", "VA 1\r\n1\r\nHD\r\n"); /* so that they stay */
    }
    cr_assert_fail("there is always room");
}

static void still_goes_on(void) {
    for (int i = 0; i < 4; i++) {
        store_quiescent(still, server.now_ns);
        store_quiescent(server.store_worker, server.now_ns);
    }
}

static uint64_t refused_count(void) {
    struct store_levels levels;
    store_quiescent(server.store_worker, server.now_ns);
    store_stats(server.store, &levels);
    return counter_read(&levels.sums.no_memory);
}

/* It waits whatever was done of it, others are served, and in the end it is answered as ever. */
static void check_waits(struct bytes request, const char *answer) {
    struct talk other;
    fill();
    input_set(request);
    unsigned before = talk.requests;
    for (int i = 0; i < 3; i++) {
        talk_step(&talk, false);
        cr_assert_eq(talk_output(&talk).size, 0, "it was answered: %.*s", (int)talk.output_size, talk.output);
        cr_expect(talk.again && talk.costly, "it waits behind others");
        cr_expect_eq(talk.requests, before);
    }
    talk_open(&other, &server);
    talk_check(&other, "get number\r\n", "VALUE number 0 1\r\n1\r\nEND\r\n");
    talk_close(&other);
    still_goes_on();
    talk_go_on(&talk);
    cr_expect_str_eq(talk_output(&talk).data, answer);
    cr_expect_eq(talk.requests, before + 1);
    cr_expect_eq(talk.input_size, 0);
    cr_expect_eq(refused_count(), 0);
}

Test(call, a_set_waits_for_room) {
    char text[REQUEST_SIZE_MAX];
    check_waits(large_request(text, "set key 0 0 "), "STORED\r\n");
}

Test(call, an_add_waits_for_room) {
    char text[REQUEST_SIZE_MAX];
    check_waits(large_request(text, "add key 0 0 "), "STORED\r\n");
}

Test(call, a_meta_set_waits_for_room) {
    char text[REQUEST_SIZE_MAX];
    check_waits(large_request(text, "ms key "), "HD\r\n");
}

Test(call, an_append_waits_for_room) {
    char text[REQUEST_SIZE_MAX];
    check_waits(large_request(text, "append number 0 0 "), "STORED\r\n");
}

/* What has no room for an expiry is made anew: an item that is there is none that is missing. */
Test(call, a_touch_waits_for_room) {
    check_waits(bytes_from_string("touch large 100\r\n"), "TOUCHED\r\n");
    talk_check(&talk, "mg large t\r\n", "HD t100\r\n");
}

Test(call, a_get_with_touch_waits_for_room) {
    char answer[REQUEST_SIZE_MAX + 10];
    struct bytes value = large_request(answer, "VALUE large 0 ");
    strcpy(answer + value.size, "END\r\n");
    check_waits(bytes_from_string("gat 100 missing large other\r\n"), answer);
    talk_check(&talk, "mg large t\r\n", "HD t100\r\n");
}

Test(call, a_meta_get_with_touch_waits_for_room_and_then_wins) {
    check_waits(bytes_from_string("mg large T100 R1000\r\n"), "HD W\r\n");
    talk_check(&talk, "mg large t\r\n", "HD t100 Z\r\n");
}

Test(call, a_meta_delete_that_invalidates_waits_for_room) {
    check_waits(bytes_from_string("md large I T100\r\n"), "HD\r\n");
    talk_check(&talk, "mg large t\r\n", "HD t100 X W\r\n");
}

Test(call, a_set_in_pieces_waits_for_room) {
    char text[REQUEST_SIZE_MAX];
    fill();
    struct bytes request = large_request(text, "set key 0 0 ");
    input_set(bytes_of(request.data, request.size - 10));
    talk_step(&talk, false);
    cr_expect(talk.next == PROTOCOL_NEXT_REST, "more has to come");
    input_set(bytes_of(request.data + request.size - 10, 10));
    for (int i = 0; i < 3; i++) {
        talk_step(&talk, false);
        cr_expect(talk.again && talk.costly && talk_output(&talk).size == 0);
    }
    still_goes_on();
    talk_go_on(&talk);
    cr_expect_str_eq(talk_output(&talk).data, "STORED\r\n");
    cr_expect_eq(refused_count(), 0);
}

static void set_huge(const char *key) {
    static char text[HUGE_SIZE + 100];
    int size = snprintf(text, sizeof(text), "set %s 0 0 %d\r\n", key, HUGE_SIZE);
    memset(text + size, 'v', HUGE_SIZE);
    memcpy(text + size + HUGE_SIZE, "\r\n", 2);
    input_set(bytes_of(text, (size_t)size + HUGE_SIZE + 2));
    talk_step(&talk, false);
}

/* Stores huge values until there is no room for one more; for a small one there is. */
static void fill_with_huge(void) {
    char key[32];
    set_huge("huge");
    for (unsigned number = 0; talk_output(&talk).size > 0; number++) {
        cr_assert_lt(number, SETS_MAX, "there is always room");
        talk_check(&talk, "mg number v\r\nmg huge\r\n", "VA 1\r\n1\r\nHD\r\n"); /* so that they stay */
        snprintf(key, sizeof(key), "key-%u", number);
        set_huge(key);
    }
    talk.input_size = 0;
    talk_check(&talk, "set small 0 0 3\r\nabc\r\n", "STORED\r\n");
}

/* The block itself finds its room; what it makes of the old value does not. */
static void check_small_block_in_pieces_waits(const char *begin, const char *end, const char *answer) {
    fill_with_huge();
    input_set(bytes_from_string(begin));
    talk_step(&talk, false);
    cr_assert(talk.next == PROTOCOL_NEXT_REST && talk.input_size == 0, "more has to come");
    input_set(bytes_from_string(end));
    for (int i = 0; i < 3; i++) {
        talk_step(&talk, false);
        cr_assert_eq(talk_output(&talk).size, 0, "it was answered: %.*s", (int)talk.output_size, talk.output);
        cr_expect(talk.again && talk.costly, "it waits behind others");
    }
    still_goes_on();
    talk_go_on(&talk);
    cr_expect_str_eq(talk_output(&talk).data, answer);
    cr_expect_eq(refused_count(), 0);
}

Test(call, an_append_in_pieces_waits_for_room_for_the_whole) {
    check_small_block_in_pieces_waits("append huge 0 0 3\r\na", "bc\r\n", "STORED\r\n");
    talk_check(&talk, "mg huge s\r\n", "HD s300003\r\n");
}

Test(call, a_meta_prepend_in_pieces_waits_for_room_for_the_whole) {
    check_small_block_in_pieces_waits("ms huge 3 MP\r\na", "bc\r\n", "HD\r\n");
    talk_check(&talk, "mg huge s\r\n", "HD s300003\r\n");
}

Test(call, an_append_in_pieces_that_finds_no_room_is_refused_and_changes_nothing) {
    fill_with_huge();
    input_set(bytes_from_string("append huge 0 0 3\r\na"));
    talk_step(&talk, false);
    input_set(bytes_from_string("bc\r\n"));
    talk_step(&talk, false);
    cr_assert(talk.again && talk_output(&talk).size == 0);
    server.now_ns += 5 * CLOCK_NS_PER_S;
    talk_step(&talk, false);
    cr_expect_str_eq(talk_output(&talk).data, "SERVER_ERROR out of memory storing object\r\n");
    talk_check(&talk, "mg huge s\r\n", "HD s300000\r\n");
}

Test(call, what_stands_before_it_in_a_pipeline_is_answered) {
    char text[2 * REQUEST_SIZE_MAX] = "get number\r\n";
    size_t before = strlen(text);
    fill();
    struct bytes request = large_request(text + before, "set key 0 0 ");
    input_set(bytes_of(text, before + request.size));
    talk_step(&talk, false);
    cr_expect_str_eq(talk_output(&talk).data, "VALUE number 0 1\r\n1\r\nEND\r\n");
    cr_expect_eq(talk.input_size, request.size);
    still_goes_on();
    talk_go_on(&talk);
    cr_expect_str_eq(talk_output(&talk).data, "STORED\r\n");
}

Test(call, after_five_seconds_it_is_refused) {
    char text[REQUEST_SIZE_MAX];
    fill();
    input_set(large_request(text, "set key 0 0 "));
    server.now_ns += 10 * CLOCK_NS_PER_S;
    talk.received_ns = server.now_ns - 4999 * CLOCK_NS_PER_MS;
    talk_step(&talk, false);
    cr_expect(talk.again && talk_output(&talk).size == 0);
    talk.received_ns = server.now_ns - 5000 * CLOCK_NS_PER_MS;
    talk_step(&talk, false);
    cr_expect_str_eq(talk_output(&talk).data, "SERVER_ERROR out of memory storing object\r\n");
    cr_expect_eq(refused_count(), 1);
}

/* What has waited in vain for the last time. */
static void check_refused(const char *request, const char *answer) {
    fill();
    input_set(bytes_from_string(request));
    server.now_ns += 10 * CLOCK_NS_PER_S;
    talk.received_ns = server.now_ns - 5000 * CLOCK_NS_PER_MS;
    talk_step(&talk, false);
    cr_expect_str_eq(talk_output(&talk).data, answer);
    cr_expect_eq(talk.input_size, 0);
    talk_check(&talk, "mg large t\r\n", "HD t-1\r\n");
}

Test(call, a_touch_that_finds_no_room_says_so) {
    check_refused("touch large 100\r\n", "SERVER_ERROR out of memory\r\n");
}

Test(call, a_get_with_touch_that_finds_no_room_says_so_in_the_place_of_the_key) {
    check_refused("gat 100 missing large missing\r\n", "SERVER_ERROR out of memory writing get response\r\n");
}
