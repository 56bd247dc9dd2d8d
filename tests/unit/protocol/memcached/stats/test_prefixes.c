/* SPDX-License-Identifier: MIT
 *
 * prefixes: `stats detail`.
 */
#include "../fixture.h"

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
