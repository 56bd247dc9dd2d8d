/* SPDX-License-Identifier: MIT
 *
 * command_admin: flush_all, verbosity, version, quit.
 */
#include "fixture.h"

TestSuite(admin, .init = open_all, .fini = close_all);

Test(admin, flush_all_forgets_everything_and_what_follows_lives) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nflush_all\r\nget a\r\n", "STORED\r\nOK\r\nEND\r\n");
    talk_check(&talk, "set a 0 0 1\r\n2\r\nget a\r\n", "STORED\r\nVALUE a 0 1\r\n2\r\nEND\r\n");
    talk_check(&talk, "flush_all 0\r\nget a\r\n", "OK\r\nEND\r\n");
    talk_check(&talk, "set a 0 0 1\r\n2\r\nflush_all -10 noreply\r\nget a\r\n", "STORED\r\nEND\r\n");
}

Test(admin, flush_all_with_a_delay_waits_for_its_moment) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nflush_all 10\r\nset b 0 0 1\r\n2\r\n",
               "STORED\r\nOK\r\nSTORED\r\n");
    talk_server_advance(&server, 9);
    talk_check(&talk, "get a b\r\n", "VALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\n");
    talk_server_advance(&server, 2);
    talk_check(&talk, "get a b\r\n", "END\r\n");
    talk_check(&talk, "flush_all x\r\nflush_all x noreply\r\n", "CLIENT_ERROR invalid exptime argument\r\n");
}

static void flush_off(struct talk_server *changed) {
    changed->config.flush_enabled = false;
}

Test(admin, flush_all_is_refused_where_it_is_turned_off) {
    reopen_with(flush_off);
    talk_check(&talk, "set a 0 0 1\r\n1\r\nflush_all\r\nflush_all 10 noreply\r\nget a\r\n",
               "STORED\r\nCLIENT_ERROR flush_all not allowed\r\nVALUE a 0 1\r\n1\r\nEND\r\n");
}

Test(admin, verbosity_is_accepted) {
    talk_check(&talk, "verbosity 1\r\nverbosity 99\r\nverbosity 1 noreply\r\n", "OK\r\nOK\r\n");
    talk_check(&talk, "verbosity\r\nverbosity x\r\nverbosity noreply\r\nverbosity foo bar my\r\n",
               BAD_FORMAT BAD_FORMAT BAD_FORMAT);
}

Test(admin, version_is_three_numbers_whatever_is_asked) {
    talk_check(&talk, "version\r\nversion foo\r\nversion noreply\r\n",
               "VERSION 1.6.45\r\nVERSION 1.6.45\r\nVERSION 1.6.45\r\n");
}

Test(admin, quit_sends_earlier_answers_and_drops_later_requests) {
    talk_check(&talk, "version\r\nquit\r\nversion\r\n", "VERSION 1.6.45\r\n");
    cr_assert(talk.closed);
}

Test(admin, quit_ignores_words_behind_it) {
    talk_check(&talk, "quit now noreply\r\nversion\r\n", "");
    cr_assert(talk.closed);
}
