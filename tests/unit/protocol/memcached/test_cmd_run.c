/* SPDX-License-Identifier: MIT
 *
 * cmd_run: plain gets and sets, several at once.
 */
#include <stdio.h>

#include "fixture.h"
#include "service.h"

TestSuite(run, .init = open_all, .fini = close_all);

Test(run, answers_gets_and_sets_in_the_order_of_the_pipeline) {
    talk_check(&talk,
               "get a\r\nset a 5 0 2\r\n12\r\nget a\r\nset a 0 0 0\r\n\r\nget a\r\nset b 0 0 1 "
               "noreply\r\nx\r\nget b\r\n",
               "END\r\nSTORED\r\nVALUE a 5 2\r\n12\r\nEND\r\nSTORED\r\nVALUE a 0 0\r\n\r\nEND\r\nVALUE b 0 "
               "1\r\nx\r\nEND\r\n");
    cr_expect_eq(server.worker->counters.cmd_set.value, 3);
    cr_expect_eq(server.worker->counters.get_hits.value, 3);
    cr_expect_eq(server.worker->counters.get_misses.value, 1);
}

Test(run, goes_on_behind_requests_of_another_kind) {
    talk_check(&talk,
               "set a 0 0 1\r\n1\r\nincr a 1\r\nget a\r\nmg a v\r\nset a 0 0 3\r\nabcXXset a 0 0 "
               "1\r\n7\r\ngets\r\nget a\r\n",
               "STORED\r\n2\r\nVALUE a 0 1\r\n2\r\nEND\r\nVA 1\r\n2\r\nCLIENT_ERROR bad data "
               "chunk\r\nSTORED\r\n" BAD_FORMAT "VALUE a 0 1\r\n7\r\nEND\r\n");
}

Test(run, takes_a_set_whose_value_comes_later_the_long_way) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nset b 0 0 5\r\nab", "STORED\r\n");
    talk_check(&talk, "cde\r\nget b\r\n", "STORED\r\nVALUE b 0 5\r\nabcde\r\nEND\r\n");
}

Test(run, gives_a_set_its_time_to_live) {
    talk_check(&talk, "set a 0 10 1\r\n1\r\nset b 0 0 1\r\n2\r\n", "STORED\r\nSTORED\r\n");
    talk_server_advance(&server, 10);
    talk_check(&talk, "get a\r\nget b\r\n", "END\r\nVALUE b 0 1\r\n2\r\nEND\r\n");
}

static void small_items(struct talk_server *changed) {
    changed->store_config.item_size_max = 1024;
}

Test(run, tells_of_a_value_that_is_too_large_takes_the_old_one_out_and_goes_on) {
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

Test(run, serves_more_requests_than_one_run_has) {
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
