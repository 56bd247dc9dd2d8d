/* SPDX-License-Identifier: MIT
 *
 * cmd_key: incr, decr, touch, delete.
 */
#include "fixture.h"

TestSuite(key_commands, .init = open_all, .fini = close_all);

Test(key_commands, incr_and_decr_count) {
    talk_check(&talk, "incr a 1\r\ndecr a 1\r\n", "NOT_FOUND\r\nNOT_FOUND\r\n");
    talk_check(&talk, "set a 5 0 2\r\n10\r\n", "STORED\r\n");
    talk_check(&talk, "incr a 5\r\ndecr a 6\r\nget a\r\n", "15\r\n9\r\nVALUE a 5 2\r\n9 \r\nEND\r\n");
    talk_check(&talk, "incr a 991\r\nget a\r\n", "1000\r\nVALUE a 5 4\r\n1000\r\nEND\r\n");
}

Test(key_commands, decr_stops_at_zero_and_incr_wraps) {
    talk_check(&talk, "set a 0 0 1\r\n5\r\ndecr a 6\r\n", "STORED\r\n0\r\n");
    talk_check(&talk, "set a 0 0 20\r\n18446744073709551615\r\nincr a 2\r\n", "STORED\r\n1\r\n");
    talk_check(&talk, "get a\r\n", "VALUE a 0 20\r\n1                   \r\nEND\r\n");
}

#define NOT_NUMBER "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"

Test(key_commands, incr_refuses_what_is_no_number) {
    talk_check(&talk, "set a 0 0 1\r\nx\r\nincr a 1\r\n", "STORED\r\n" NOT_NUMBER);
    talk_check(&talk, "set a 0 0 0\r\n\r\nincr a 1\r\n", "STORED\r\n" NOT_NUMBER);
    talk_check(&talk, "set a 0 0 21\r\n184467440737095516150\r\nincr a 1\r\n", "STORED\r\n" NOT_NUMBER);
    talk_check(
        &talk, "incr a x\r\nincr a -1\r\nincr a 18446744073709551616\r\n",
        "CLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\n"
        "CLIENT_ERROR invalid numeric delta argument\r\n");
    talk_check(&talk, "incr a\r\nincr\r\n", BAD_FORMAT BAD_FORMAT);
}

Test(key_commands, incr_says_nothing_with_noreply) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    talk_check(&talk, "incr a 1 noreply\r\nincr b 1 noreply\r\ndecr a x noreply\r\nget a\r\n",
               "VALUE a 0 1\r\n2\r\nEND\r\n");
}

Test(key_commands, touch_sets_the_expiry) {
    talk_check(&talk, "touch a 10\r\n", "NOT_FOUND\r\n");
    talk_check(&talk, "set a 0 0 1\r\n1\r\ntouch a 10\r\ntouch a 20 noreply\r\n", "STORED\r\nTOUCHED\r\n");
    talk_server_advance(&server, 19);
    talk_check(&talk, "get a\r\n", "VALUE a 0 1\r\n1\r\nEND\r\n");
    talk_server_advance(&server, 1);
    talk_check(&talk, "get a\r\n", "END\r\n");
    talk_check(&talk, "touch a x\r\ntouch a\r\n", "CLIENT_ERROR invalid exptime argument\r\n" BAD_FORMAT);
}

Test(key_commands, delete_removes) {
    talk_check(&talk, "delete a\r\n", "NOT_FOUND\r\n");
    talk_check(&talk, "set a 0 0 1\r\n1\r\ndelete a\r\nget a\r\n", "STORED\r\nDELETED\r\nEND\r\n");
    talk_check(&talk, "set a 0 0 1\r\n1\r\ndelete a 0\r\n", "STORED\r\nDELETED\r\n");
    talk_check(&talk, "set a 0 0 1\r\n1\r\ndelete a 10 noreply\r\nget a\r\n", "STORED\r\nEND\r\n");
    talk_check(&talk, "delete\r\ndelete a b c d e\r\ndelete " KEY_251 "\r\n",
               BAD_FORMAT BAD_FORMAT BAD_FORMAT);
}
