/* SPDX-License-Identifier: MIT
 *
 * cmd_batch: plain gets and sets, several at once.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "riposte/random.h"
#include "service.h"

TestSuite(batch, .init = open_all, .fini = close_all);

Test(batch, answers_gets_and_sets_in_the_order_of_the_pipeline) {
    talk_check(&talk,
               "get a\r\nset a 5 0 2\r\n12\r\nget a\r\nset a 0 0 0\r\n\r\nget a\r\nset b 0 0 1 "
               "noreply\r\nx\r\nget b\r\n",
               "END\r\nSTORED\r\nVALUE a 5 2\r\n12\r\nEND\r\nSTORED\r\nVALUE a 0 0\r\n\r\nEND\r\nVALUE b 0 "
               "1\r\nx\r\nEND\r\n");
    cr_expect_eq(server.worker->counters.cmd_set.value, 3);
    cr_expect_eq(server.worker->counters.get_hits.value, 3);
    cr_expect_eq(server.worker->counters.get_misses.value, 1);
}

Test(batch, goes_on_behind_requests_of_another_kind) {
    talk_check(&talk,
               "set a 0 0 1\r\n1\r\nincr a 1\r\nget a\r\nmg a v\r\nset a 0 0 3\r\nabcXXset a 0 0 "
               "1\r\n7\r\ngets\r\nget a\r\n",
               "STORED\r\n2\r\nVALUE a 0 1\r\n2\r\nEND\r\nVA 1\r\n2\r\nCLIENT_ERROR bad data "
               "chunk\r\nSTORED\r\n" BAD_FORMAT "VALUE a 0 1\r\n7\r\nEND\r\n");
}

Test(batch, takes_a_set_whose_value_comes_later_the_long_way) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nset b 0 0 5\r\nab", "STORED\r\n");
    talk_check(&talk, "cde\r\nget b\r\n", "STORED\r\nVALUE b 0 5\r\nabcde\r\nEND\r\n");
}

Test(batch, gives_a_set_its_time_to_live) {
    talk_check(&talk, "set a 0 10 1\r\n1\r\nset b 0 0 1\r\n2\r\n", "STORED\r\nSTORED\r\n");
    talk_server_advance(&server, 10);
    talk_check(&talk, "get a\r\nget b\r\n", "END\r\nVALUE b 0 1\r\n2\r\nEND\r\n");
}

static void small_items(struct talk_server *changed) {
    changed->store_config.item_size_max = 1024;
}

Test(batch, tells_of_a_value_that_is_too_large_takes_the_old_one_out_and_goes_on) {
    reopen_with(small_items);
    char request[4096], value[1100];
    memset(value, 'v', sizeof(value));
    int size = snprintf(request, sizeof(request),
                        "set a 0 0 1\r\n1\r\nset a 0 0 1100\r\n%.1100s\r\nget a\r\n"
                        "set b 0 0 1100 noreply\r\n%.1100s\r\nset b 0 0 1\r\n2\r\n",
                        value, value);
    cr_assert_lt((size_t)size, sizeof(request));
    talk_check(&talk, request, "STORED\r\nSERVER_ERROR object too large for cache\r\nEND\r\nSTORED\r\n");
    cr_expect_eq(server.worker->counters.cmd_set.value, 2);
}

Test(batch, serves_more_requests_than_one_batch_has) {
    char request[64 * 24], expected[64 * 24];
    int size = 0, expected_size = 0;
    for (int i = 0; i < 60; i++) {
        size += snprintf(request + size, sizeof(request) - (size_t)size,
                         i % 3 == 0 ? "set k 0 0 2\r\n%02d\r\n" : "get k\r\n", i);
        expected_size += snprintf(expected + expected_size, sizeof(expected) - (size_t)expected_size,
                                  i % 3 == 0 ? "STORED\r\n" : "VALUE k 0 2\r\n%02d\r\nEND\r\n", i / 3 * 3);
    }
    talk_check(&talk, request, expected);
}

/* --- beside the way of all commands ---------------------------------------------------------------------------- */

enum { SCRIPT_REQUESTS_MAX = 60, SCRIPT_VALUE_SIZE_MAX = 6000 };

/* Requests one behind the other; end[n] is behind request n. */
struct script {
    char *text; /* owned */
    unsigned count;
    size_t end[SCRIPT_REQUESTS_MAX];
};

/* Sizes around those at which a value is written in place, copied, pinned. */
static size_t draw_value_size(struct random *random) {
    static const size_t sizes[] = {0,   1,   9,    10,   14,   15,   16,   32,   99,
                                   100, 128, 1000, 1730, 1740, 1750, 4095, 4096, 6000};
    return sizes[random_below(random, sizeof(sizes) / sizeof(sizes[0]))];
}

static size_t draw_request(struct random *random, char *at) {
    static const char *const keys[] = {"a", "bb", "key:0000000000000",
                                       "key:0000000000000000000000000000000000000"};
    const char *key = keys[random_below(random, 4)];
    if (random_below(random, 3) != 0) {
        return (size_t)sprintf(at, random_below(random, 30) == 0 ? "get %s\n" : "get %s\r\n", key);
    }
    size_t value_size = draw_value_size(random);
    int size = sprintf(at, "set %s %u 0 %zu%s\r\n", key, (unsigned)random_below(random, 2) * 70000,
                       value_size, random_below(random, 8) == 0 ? " noreply" : "");
    memset(at + size, (int)('a' + random_below(random, 26)), value_size);
    memcpy(at + (size_t)size + value_size, "\r\n", 2);
    return (size_t)size + value_size + 2;
}

static struct script draw_script(struct random *random) {
    struct script script = {.text = malloc(SCRIPT_REQUESTS_MAX * (SCRIPT_VALUE_SIZE_MAX + 128)),
                            .count = 1 + (unsigned)random_below(random, SCRIPT_REQUESTS_MAX)};
    size_t size = 0;
    cr_assert_not_null(script.text);
    for (unsigned i = 0; i < script.count; i++) {
        size += draw_request(random, script.text + size);
        script.end[i] = size;
    }
    return script;
}

/* Each request in two pieces: a line that was begun before goes the way of all commands. */
static void send_cut(struct talk *cut, const struct script *script) {
    for (unsigned i = 0; i < script->count; i++) {
        size_t begin = i == 0 ? 0 : script->end[i - 1];
        talk_send(cut, bytes_of(script->text + begin, 4));
        talk_send(cut, bytes_of(script->text + begin + 4, script->end[i] - begin - 4));
    }
}

Test(batch, answers_at_random_as_the_way_of_all_commands_does) {
    const char *given = getenv("RIPOSTE_SEED");
    struct random random = {.state = given != NULL ? strtoull(given, NULL, 10) : random_seed()};
    printf("RIPOSTE_SEED=%llu\n", (unsigned long long)random.state);
    for (int round = 0; round < 300; round++) {
        struct talk whole, cut;
        struct script script = draw_script(&random);
        talk_open(&whole, &server);
        talk_open(&cut, &server);
        whole.requests_max = 1 + (unsigned)random_below(&random, 40);
        whole.reply.unsent_size_max =
            random_below(&random, 2) == 0 ? 1 + (uint32_t)random_below(&random, 9000) : 1 << 20;
        talk_check(&talk, "flush_all\r\n", "OK\r\n");
        send_cut(&cut, &script);
        talk_check(&talk, "flush_all\r\n", "OK\r\n");
        talk_send(&whole, bytes_of(script.text, script.end[script.count - 1]));
        struct bytes expected = talk_output(&cut), given_output = talk_output(&whole);
        cr_assert(bytes_equal(given_output, expected), "round %d: %.*s\n--- instead of ---\n%.*s", round,
                  (int)given_output.size, given_output.data, (int)expected.size, expected.data);
        cr_assert_eq(whole.requests, cut.requests);
        talk_close(&whole);
        talk_close(&cut);
        free(script.text);
    }
}

Test(batch, leaves_requests_that_somebody_watches_to_the_way_of_all_commands) {
    atomic_store(&server.service->observed, OBSERVE_PREFIXES);
    talk_check(&talk, "set a 0 0 1\r\n1\r\nget a\r\nget b\r\n",
               "STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\nEND\r\n");
    cr_expect_eq(server.worker->counters.get_hits.value, 1);
    cr_expect_eq(server.worker->counters.get_misses.value, 1);
}
