/* SPDX-License-Identifier: MIT
 *
 * command_meta_set: ms.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

TestSuite(meta_set, .init = open_all, .fini = close_all);

Test(meta_set, stores_with_flags_and_time) {
    talk_check(&talk, "ms a 2 F7 T100\r\nhi\r\nmg a v f t\r\n", "HD\r\nVA 2 f7 t100\r\nhi\r\n");
    talk_check(&talk, "ms a 2\r\nhi\r\nmg a f t\r\n", "HD\r\nHD f0 t-1\r\n");
}

Test(meta_set, returns_flags_in_the_order_of_the_request) {
    talk_check(&talk, "ms a 2 c Oabc k s T5\r\nhi\r\n", "HD c1 Oabc ka s2\r\n");
    talk_check(&talk, "ms a 2 s k ME O9 c\r\nhi\r\n", "NS s2 ka O9 c0\r\n");
    talk_check(&talk, "ms QUI= 2 k b c E99\r\nhi\r\n", "HD kQUI= b c99\r\n");
}

Test(meta_set, knows_every_mode) {
    talk_check(&talk,
               "ms a 1 MR\r\n1\r\nms a 1 ME\r\n1\r\nms a 1 ME\r\n2\r\nms a 1 MR\r\n3\r\nms a 1 MS\r\n4\r\n",
               "NS\r\nHD\r\nNS\r\nHD\r\nHD\r\n");
    talk_check(&talk, "ms a 2 MA s\r\n56\r\nms a 1 MP s F9 T9\r\n3\r\nmg a v f t\r\n",
               "HD s3\r\nHD s4\r\nVA 4 f0 t-1\r\n3456\r\n");
    talk_check(&talk, "ms b 1 MA\r\n1\r\nms b 1 MP k\r\n1\r\n", "NS\r\nNS kb\r\n");
}

Test(meta_set, refuses_unknown_modes_and_swallows_the_value) {
    talk_check(
        &talk,
        "ms a 4 Mx\r\nmn\r\n\r\nms a 4 M\r\nmn\r\n\r\nms a 4 Ma\r\nmn\r\n\r\nms a 2 Exx\r\nhi\r\nmn\r\n",
        "CLIENT_ERROR invalid mode for ms M token\r\nCLIENT_ERROR invalid mode for ms M token\r\n"
        "CLIENT_ERROR invalid mode for ms M token\r\nCLIENT_ERROR bad token in command line "
        "format\r\nMN\r\n");
    talk_check(&talk, "mg a\r\n", "EN\r\n");
}

Test(meta_set, append_creates_on_a_miss_when_asked) {
    talk_check(&talk, "ms a 2 MA N30 F5 s\r\nhi\r\nmg a v t f\r\n", "HD s2\r\nVA 2 t30 f5\r\nhi\r\n");
    talk_check(&talk, "ms a 2 MA N99 F9 s\r\nho\r\nmg a v t f\r\n", "HD s4\r\nVA 4 t30 f5\r\nhiho\r\n");
    talk_check(&talk, "ms b 2 N30\r\nhi\r\nmg b t\r\n", "HD\r\nHD t-1\r\n");
}

Test(meta_set, compares_the_cas) {
    talk_check(&talk, "ms a 1 C5\r\n1\r\nms a 1\r\n1\r\n", "NF\r\nHD\r\n");
    talk_check(&talk, "ms a 1 C99 k\r\n2\r\nms a 1 C0\r\n2\r\nms a 1 C1 c\r\n2\r\n",
               "EX ka\r\nEX\r\nHD c2\r\n");
    talk_check(&talk, "ms a 1 MR C1\r\n3\r\nms a 1 MR C2\r\n3\r\nms b 1 MR C2\r\n3\r\n",
               "EX\r\nHD\r\nNF\r\n");
    talk_check(&talk, "ms a 1 MA C1\r\n4\r\nms a 1 MA C3\r\n4\r\nms a 1 MP C0\r\n5\r\nms b 1 MA C3\r\n4\r\n",
               "EX\r\nHD\r\nHD\r\nNS\r\n");
    talk_check(&talk, "ms b 1 ME C77\r\n1\r\nmg a v\r\n", "HD\r\nVA 3\r\n534\r\n");
}

Test(meta_set, gives_the_cas_it_is_told) {
    talk_check(&talk, "ms a 1 E1000 c\r\n1\r\nmg a c\r\nms a 1 C1000 E5 c\r\n1\r\n",
               "HD c1000\r\nHD c1000\r\nHD c5\r\n");
}

Test(meta_set, an_older_cas_stores_a_stale_value_when_asked) {
    talk_check(&talk, "ms a 1 E100\r\n1\r\nms a 1 C50 I T90 c\r\n2\r\n", "HD\r\nHD c2\r\n");
    talk_check(&talk, "mg a v t\r\nmg a v\r\n", "VA 1 t-1 X W\r\n2\r\nVA 1 Z X\r\n2\r\n");
    talk_check(&talk, "ms a 1 E100\r\n1\r\nms a 1 C101 I\r\n2\r\nms a 1 C100 I\r\n3\r\nmg a v\r\n",
               "HD\r\nEX\r\nHD\r\nVA 1\r\n3\r\n");
}

Test(meta_set, hides_success_when_quiet_and_nothing_else) {
    talk_check(
        &talk,
        "ms a 1 q\r\n1\r\nms a 1 q ME k\r\n1\r\nms a 1 C9 q\r\n1\r\nms b 1 C9 q\r\n1\r\nms a 1 q\r\n1xx",
        "NS ka\r\nEX\r\nNF\r\nCLIENT_ERROR bad data chunk\r\n");
}

Test(meta_set, swallows_the_value_of_a_line_it_refuses) {
    talk_check(&talk, "ms " KEY_251 " 4\r\nmn\r\n\r\nms a 4 z\r\nmn\r\n\r\nms a 4 v v\r\nmn\r\n\r\nmn\r\n",
               BAD_FORMAT "CLIENT_ERROR invalid flag\r\nCLIENT_ERROR duplicate flag\r\nMN\r\n");
    talk_check(&talk, "ms a\r\nms a x\r\nms a -1\r\nms a 2147483646\r\nmn\r\n",
               BAD_FORMAT BAD_FORMAT BAD_FORMAT BAD_FORMAT "MN\r\n");
}

Test(meta_set, that_is_too_large_leaves_no_old_value_in_any_mode) {
    static const char *const lines[] = {"ms a 1048577\r\n", "ms a 1048577 ME\r\n", "ms a 1048577 MA q\r\n"};
    static char block[1048577 + 2];
    memset(block, 'v', sizeof(block));
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
        talk_send(&talk, bytes_from_string(lines[i]));
        talk_send(&talk, bytes_of(block, sizeof(block)));
        talk_check(&talk, "mg a\r\n", "SERVER_ERROR object too large for cache\r\nEN\r\n");
    }
}

/* The answer's flags must outlive the line they came with. */
Test(meta_set, remembers_its_answer_while_the_value_comes) {
    talk_check(&talk, "ms QUI= 10 b k Oopaque s T100 c\r\nabc", "");
    talk_check(&talk, "defg", "");
    talk_check(&talk, "hij\r\nmg AB v t\r\n", "HD kQUI= b Oopaque s10 c1\r\nVA 10 t100\r\nabcdefghij\r\n");
    talk_check(&talk, "ms a 3 ME q k\r\n", "");
    talk_check(&talk, "abc\r\nms a 3 ME q k\r\na", "");
    talk_check(&talk, "bc\r\n", "NS ka\r\n");
}

Test(meta_set, counts_as_set_and_as_cas) {
    talk_send(&talk, bytes_from_string(
                         "ms a 1\r\n1\r\nms a 1 C1\r\n1\r\nms a 1 C1\r\n1\r\nms b 1 C1\r\n1\r\nstats\r\n"));
    const char *text = talk_output(&talk).data;
    cr_assert_not_null(strstr(text, "STAT cmd_set 4\r\n"));
    cr_assert_not_null(strstr(text, "STAT cas_hits 1\r\n"));
    cr_assert_not_null(strstr(text, "STAT cas_badval 1\r\n"));
    cr_assert_not_null(strstr(text, "STAT cas_misses 1\r\n"));
}
