/* SPDX-License-Identifier: MIT
 *
 * dump: metadump, mgdump, cachedump.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

TestSuite(dump, .init = open_all, .fini = close_all);

static void set_items(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char request[64];
        int size = snprintf(request, sizeof(request), "set key%u 0 0 1 noreply\r\nx\r\n", i);
        talk_send(&talk, bytes_of(request, (size_t)size));
    }
}

static unsigned count_of(struct bytes text, const char *word) {
    unsigned count = 0;
    for (const char *at = text.data; (at = strstr(at, word)) != NULL; at++) {
        count++;
    }
    return count;
}

Test(dump, lists_nothing_of_an_empty_store) {
    talk_check(&talk, "lru_crawler metadump all\r\n", "OK\r\nEND\r\n");
    talk_check(&talk, "lru_crawler mgdump hash\r\n", "OK\r\nEN\r\n");
    talk_check(&talk, "stats cachedump 1 0\r\n", "END\r\n");
}

Test(dump, of_metadata_says_everything_about_an_item) {
    talk_check(&talk, "set a:b%c 5 100 3 \r\nabc\r\nget a:b%c\r\n",
               "STORED\r\nVALUE a:b%c 5 3\r\nabc\r\nEND\r\n");
    talk_send(&talk, bytes_from_string("lru_crawler metadump all\r\n"));
    struct bytes text = talk_output(&talk);
    unsigned long long exp, la, cas, size;
    int fields =
        sscanf(text.data, "OK\r\nkey=a%%3Ab%%25c exp=%llu la=%llu cas=%llu fetch=yes cls=1 size=%llu", &exp,
               &la, &cas, &size);
    cr_assert_eq(fields, 4, "%s", text.data);
    cr_assert_not_null(strstr(text.data, " flags=5 \nEND\r\n"), "%s", text.data);
    cr_assert_eq(exp - la, 100);
    cr_assert_eq(cas, 1);
}

Test(dump, of_metadata_shows_items_that_never_expire_and_were_never_read) {
    talk_check(&talk, "set a 0 0 3\r\nabc\r\n", "STORED\r\n");
    talk_send(&talk, bytes_from_string("lru_crawler metadump 2,1\r\n"));
    struct bytes text = talk_output(&talk);
    cr_assert_eq(strncmp(text.data, "OK\r\nkey=a exp=-1 la=", 20), 0, "%s", text.data);
    cr_assert_not_null(strstr(text.data, " fetch=no "));
}

Test(dump, of_other_classes_is_empty) {
    set_items(3);
    talk_check(&talk, "lru_crawler metadump 2,3\r\n", "OK\r\nEND\r\n");
    talk_check(&talk, "stats cachedump 2 0\r\n", "END\r\n");
}

Test(dump, lists_every_item_once_and_goes_on_with_the_next_command) {
    enum { ITEMS = 5000 };
    set_items(ITEMS);
    talk_send(&talk, bytes_from_string("lru_crawler mgdump all\r\nversion\r\n"));
    struct bytes text = talk_output(&talk);
    cr_assert_eq(count_of(text, "mg key"), ITEMS);
    for (unsigned i = 0; i < ITEMS; i++) {
        char line[32];
        snprintf(line, sizeof(line), "mg key%u\r\n", i);
        const char *found = strstr(text.data, line);
        cr_assert_not_null(found, "%s", line);
        cr_assert_null(strstr(found + 1, line), "%s", line);
    }
    static const char end[] = "EN\r\nVERSION 1.6.45\r\n";
    cr_assert_eq(strcmp(text.data + text.size - strlen(end), end), 0);
}

Test(dump, writes_some_tens_of_items_before_others_are_served) {
    set_items(5000);
    talk.input = strdup("lru_crawler mgdump all\r\n");
    talk.input_size = strlen(talk.input);
    unsigned total = 0;
    do {
        talk_step(&talk, false);
        unsigned count = count_of(talk_output(&talk), "mg key");
        cr_assert_leq(count, 64);
        total += count;
    } while (talk.again);
    cr_assert_eq(total, 5000);
}

Test(dump, comes_in_pieces_and_waits_for_a_slow_reader) {
    set_items(5000);
    talk.reply.unsent_size_max = 200000;
    talk.input = strdup("lru_crawler metadump all\r\n");
    talk.input_size = strlen(talk.input);
    unsigned steps = 0;
    while (!reply_full(&talk.reply)) {
        talk_step(&talk, true);
        cr_assert(talk.again);
        steps++;
    }
    cr_assert_gt(steps, 2);
    size_t unsent_size = talk.reply.unsent_size;
    talk_step(&talk, true);
    cr_assert_eq(talk.reply.unsent_size, unsent_size, "a full reply is not filled further");
    talk_send(&talk, bytes_of(NULL, 0));
    struct bytes text = talk_output(&talk);
    cr_assert_eq(count_of(text, "key=key"), 5000);
    cr_assert_eq(strcmp(text.data + text.size - 5, "END\r\n"), 0);
}

Test(dump, leaves_out_what_is_expired_or_flushed) {
    talk_check(&talk, "set a 0 10 1\r\n1\r\nset b 0 0 1\r\n1\r\n", "STORED\r\nSTORED\r\n");
    talk_server_advance(&server, 11);
    talk_check(&talk, "lru_crawler mgdump all\r\n", "OK\r\nmg b\r\nEN\r\n");
    talk_check(&talk, "flush_all\r\n", "OK\r\n");
    talk_check(&talk, "lru_crawler mgdump all\r\n", "OK\r\nEN\r\n");
}

Test(dump, shows_binary_keys_in_base64_or_not_at_all) {
    talk_check(&talk, "ms AAEC 1 b\r\n1\r\n", "HD\r\n");
    talk_check(&talk, "lru_crawler mgdump all\r\n", "OK\r\nmg AAEC b\r\nEN\r\n");
    talk_check(&talk, "stats cachedump 1 0\r\n", "END\r\n");
    talk_send(&talk, bytes_from_string("lru_crawler metadump all\r\n"));
    cr_assert_eq(strncmp(talk_output(&talk).data, "OK\r\nkey=%00%01%02 exp", 21), 0);
}

Test(dump, waits_until_earlier_answers_are_sent) {
    talk_check(&talk, "mn\r\nlru_crawler metadump all\r\n",
               "MN\r\nERROR cannot pipeline other commands before metadump\r\n");
    talk_check(&talk, "mn\r\nlru_crawler mgdump all\r\n",
               "MN\r\nERROR cannot pipeline other commands before mgdump\r\n");
}

Test(dump, of_the_cache_is_bounded_in_lines_and_bytes) {
    set_items(100);
    talk_send(&talk, bytes_from_string("stats cachedump 1 7\r\n"));
    struct bytes text = talk_output(&talk);
    cr_assert_eq(count_of(text, "ITEM key"), 7);
    cr_assert_eq(count_of(text, " [1 b; 0 s]\r\n"), 7);
    set_items(100000);
    talk_send(&talk, bytes_from_string("stats cachedump 1 0\r\n"));
    text = talk_output(&talk);
    cr_assert_leq(text.size, (2 << 20) + 5);
    cr_assert_gt(text.size, (2 << 20) - 100);
    cr_assert_eq(strcmp(text.data + text.size - 5, "END\r\n"), 0);
}

Test(dump, of_the_cache_checks_its_arguments) {
    talk_check(&talk,
               "stats cachedump\r\nstats cachedump 1\r\nstats cachedump x 0\r\nstats cachedump 1 x\r\n",
               "CLIENT_ERROR bad command line\r\nCLIENT_ERROR bad command line\r\n" BAD_FORMAT BAD_FORMAT);
    talk_check(&talk, "stats cachedump 64 0\r\nstats cachedump 63 0\r\n",
               "CLIENT_ERROR Illegal slab id\r\nEND\r\n");
}

static void dump_off(struct talk_server *changed) {
    changed->config.dump_enabled = false;
}

Test(dump, is_refused_where_it_is_turned_off) {
    reopen_with(dump_off);
    talk_check(
        &talk,
        "lru_crawler metadump all\r\nlru_crawler mgdump all\r\nstats cachedump 1 0\r\nstats detail on\r\n",
        "ERROR metadump not allowed\r\nERROR key dump not allowed\r\n"
        "CLIENT_ERROR stats cachedump not allowed\r\nCLIENT_ERROR stats detail not allowed\r\n");
}

Test(dump, is_dropped_with_its_connection) {
    set_items(5000);
    struct talk other;
    talk_open(&other, &server);
    other.input = strdup("lru_crawler metadump all\r\n");
    other.input_size = strlen(other.input);
    talk_step(&other, true);
    cr_assert(other.again);
    talk_close(&other);
}

#define BUSY "BUSY currently processing crawler request\r\n"

Test(dump, at_most_four_listings_are_under_way) {
    struct talk other[5];
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    for (int i = 0; i < 5; i++) {
        talk_open(&other[i], &server);
        other[i].requests_max = 1;
    }
    for (int i = 0; i < 4; i++) { /* begun, and not gone on with */
        other[i].input = strdup("stats detail dump\r\n");
        other[i].input_size = strlen(other[i].input);
        talk_step(&other[i], false);
        cr_assert(other[i].again);
    }
    talk_check(&other[4], "lru_crawler metadump all\r\n", BUSY);
    talk_check(&other[4], "stats detail dump\r\n", BUSY);
    talk_check(&other[4], "mn\r\n", "MN\r\n");
    talk_close(&other[0]);
    talk_send(&other[4], bytes_from_string("lru_crawler metadump all\r\n"));
    cr_expect_not_null(strstr(talk_output(&other[4]).data, "END\r\n"));
    talk_send(&other[1], bytes_of(NULL, 0));
    talk_send(&other[4], bytes_from_string("lru_crawler metadump all\r\n"));
    cr_expect_not_null(strstr(talk_output(&other[4]).data, "END\r\n"));
    for (int i = 1; i < 5; i++) {
        talk_close(&other[i]);
    }
}
