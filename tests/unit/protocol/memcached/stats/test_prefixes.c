/* SPDX-License-Identifier: MIT
 *
 * prefixes: `stats detail`, and that its listing holds nobody up.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../fixture.h"
#include "stats/prefixes.h"

TestSuite(prefixes, .init = open_all, .fini = close_all);

#define SCRIPT                                                                                               \
    "set p:a 0 0 1\r\n1\r\nset q 0 0 1\r\n1\r\nset :x 0 0 1\r\n1\r\nget p:a\r\nget p:b q\r\nget :x\r\n"      \
    "delete p:z\r\ndelete p:a\r\nincr p:n 1\r\ntouch p:b 1\r\ngat 1 p:zz\r\nms p:m 1\r\n1\r\nmg p:m\r\n"     \
    "add p:m2 0 0 1\r\n1\r\nadd p:m2 0 0 1\r\n1\r\n"

static void run_script(void) {
    talk_send(&talk, bytes_from_string(SCRIPT));
    talk_output(&talk);
}

Test(prefixes, are_counted_while_detail_is_on) {
    run_script();
    talk_check(&talk, "stats detail dump\r\n", "END\r\n");
    talk_check(&talk, "stats detail on\r\n", "OK\r\n");
    run_script();
    talk_send(&talk, bytes_from_string("stats detail off\r\nget p:a\r\nstats detail dump\r\n"));
    const char *text = talk_output(&talk).data;
    cr_assert_not_null(strstr(text, "\r\nPREFIX  get 1 hit 1 set 1 del 0\r\n"), "%s", text);
    cr_assert_not_null(strstr(text, "\r\nPREFIX p get 3 hit 1 set 3 del 2\r\n"), "%s", text);
    cr_assert_eq(strcmp(text + strlen(text) - 5, "END\r\n"), 0);
}

Test(prefixes, are_forgotten_by_a_reset) {
    talk_check(&talk, "stats detail on\r\nget a:b\r\nstats reset\r\nstats detail dump\r\n",
               "OK\r\nEND\r\nRESET\r\nEND\r\n");
}

Test(prefixes, need_a_known_word) {
    talk_check(
        &talk, "stats detail\r\nstats detail foo\r\n",
        "CLIENT_ERROR usage: stats detail on|off|dump\r\nCLIENT_ERROR usage: stats detail on|off|dump\r\n");
}

static void slash_from_the_start(struct talk_server *changed) {
    changed->config.prefix_delimiter = '/';
    changed->config.detail_enabled = true;
}

Test(prefixes, end_at_the_configured_character) {
    reopen_with(slash_from_the_start);
    talk_check(&talk, "get a:b/c/d\r\nstats detail dump\r\n",
               "END\r\nPREFIX a:b get 1 hit 0 set 0 del 0\r\nEND\r\n");
}

/* --- listings of many ----------------------------------------------------------------------------------- */

enum {
    MANY = 5000,
    PIECE_LINES_MAX = 64, /* what one call may write */
};

static void count_many(unsigned first, unsigned count) {
    talk_check(&talk, "stats detail on\r\n", "OK\r\n");
    for (unsigned i = first; i < first + count; i++) {
        char request[64];
        int size = snprintf(request, sizeof(request), "get prefix%u:x\r\n", i);
        talk_send(&talk, bytes_of(request, (size_t)size));
        talk_output(&talk);
    }
}

static unsigned lines_of(struct bytes text) {
    unsigned count = 0;
    for (const char *at = text.data; (at = strstr(at, "PREFIX ")) != NULL; at++) {
        count++;
    }
    return count;
}

/* Another connection has begun a listing. */
static void listing_begin(struct talk *other) {
    talk_open(other, &server);
    other->input = strdup("stats detail dump\r\n");
    other->input_size = strlen(other->input);
    talk_step(other, false);
    cr_assert(other->again);
}

Test(prefixes, are_listed_once_each_in_pieces_of_some_tens) {
    struct talk other;
    count_many(0, MANY);
    listing_begin(&other);
    char *seen = calloc(MANY, 1);
    unsigned total = 0;
    for (bool more = true; more;) {
        more = other.again;
        struct bytes text = talk_output(&other);
        unsigned count = lines_of(text);
        cr_assert_leq(count, PIECE_LINES_MAX);
        total += count;
        for (const char *at = text.data; (at = strstr(at, "PREFIX prefix")) != NULL;) {
            at += strlen("PREFIX prefix");
            unsigned long number = strtoul(at, NULL, 10);
            cr_assert(number < MANY && !seen[number], "%lu", number);
            seen[number] = 1;
        }
        talk_step(&other, false);
    }
    cr_assert_eq(total, MANY);
    cr_assert_eq(other.requests, 1);
    free(seen);
    talk_close(&other);
}

Test(prefixes, are_counted_and_forgotten_while_they_are_listed) {
    struct talk other;
    count_many(0, MANY);
    listing_begin(&other);
    talk_check(&talk, "get prefix1:x\r\nget new:x\r\nstats reset\r\n", "END\r\nEND\r\nRESET\r\n");
    talk_send(&other, bytes_from_string("version\r\n"));
    struct bytes text = talk_output(&other);
    cr_assert_leq(lines_of(text), PIECE_LINES_MAX);
    static const char end[] = "END\r\nVERSION 1.6.45\r\n";
    cr_assert_str_eq(text.data + text.size - strlen(end), end);
    talk_close(&other);
}

Test(prefixes, are_no_longer_listed_for_a_client_that_is_gone_or_does_not_read) {
    struct talk other;
    count_many(0, MANY);
    listing_begin(&other);
    other.reply.unsent_size_max = 10000;
    while (!reply_full(&other.reply)) {
        talk_step(&other, true);
        cr_assert(other.again);
    }
    cr_assert_lt(other.reply.unsent_size, 20000);
    size_t unsent_size = other.reply.unsent_size;
    talk_step(&other, true);
    cr_assert_eq(other.reply.unsent_size, unsent_size, "a full reply is not filled further");
    talk_close(&other);
}

Test(prefixes, beyond_the_bound_are_not_counted) {
    count_many(0, 16384 + 10);
    talk_send(&talk, bytes_from_string("stats detail dump\r\n"));
    cr_assert_eq(lines_of(talk_output(&talk)), 16384);
    talk_send(&talk, bytes_from_string("stats riposte\r\n"));
    cr_expect_not_null(strstr(talk_output(&talk).data, "STAT prefixes_left_out 10\r\n"));
}

/* --- many workers --------------------------------------------------------------------------------------- */

enum { WORKERS = 20 };

Test(prefixes, of_all_workers_have_one_bound_of_memory) {
    struct prefixes *prefixes = prefixes_create(':');
    struct prefixes_worker *own[WORKERS];
    char key[STORE_KEY_SIZE_MAX];
    unsigned refused = 0;
    memset(key, 'x', sizeof(key));
    key[sizeof(key) - 1] = ':';
    for (unsigned i = 0; i < WORKERS; i++) {
        own[i] = prefixes_worker_create(prefixes);
        for (unsigned number = 0; number < PREFIXES_MAX; number++) {
            key[0] = (char)('a' + number % 16);
            key[1] = (char)('a' + number / 16 % 16);
            key[2] = (char)('a' + number / 256 % 16);
            key[3] = (char)('a' + number / 4096);
            refused += !prefixes_count(own[i], bytes_of(key, sizeof(key)), (struct prefix_counts){.gets = 1});
            cr_assert_leq(prefixes_memory_size(prefixes), (size_t)PREFIXES_MEMORY_MAX);
        }
    }
    cr_expect_gt(refused, 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        prefixes_worker_destroy(own[i]);
    }
    cr_expect_eq(prefixes_memory_size(prefixes), 0);
    prefixes_destroy(prefixes);
}
