/* SPDX-License-Identifier: MIT
 *
 * cmd_meta_write: ms, md, ma.
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
               "EX ka\r\nEX\r\nHD c4\r\n");
    talk_check(&talk, "ms a 1 MR C1\r\n3\r\nms a 1 MR C4\r\n3\r\nms b 1 MR C2\r\n3\r\n",
               "EX\r\nHD\r\nNF\r\n");
    talk_check(&talk, "ms a 1 MA C1\r\n4\r\nms a 1 MA C7\r\n4\r\nms a 1 MP C0\r\n5\r\nms b 1 MA C3\r\n4\r\n",
               "EX\r\nHD\r\nHD\r\nNS\r\n");
    talk_check(&talk, "ms b 1 ME C77\r\n1\r\nmg a v\r\n", "HD\r\nVA 3\r\n534\r\n");
}

Test(meta_set, gives_the_cas_it_is_told) {
    talk_check(&talk, "ms a 1 E1000 c\r\n1\r\nmg a c\r\nms a 1 C1000 E5 c\r\n1\r\n",
               "HD c1000\r\nHD c1000\r\nHD c5\r\n");
}

Test(meta_set, an_older_cas_stores_a_stale_value_when_asked) {
    talk_check(&talk, "ms a 1 E100\r\n1\r\nms a 1 C50 I T90\r\n2\r\n", "HD\r\nHD\r\n");
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

TestSuite(meta, .init = open_all, .fini = close_all);

Test(meta, delete_removes) {
    talk_check(&talk, "md a\r\nmd a Oab k\r\n", "NF\r\nNF Oab ka\r\n");
    talk_check(&talk, "set a 0 0 1\r\n1\r\nmd a k O1 v s\r\nmg a\r\n", "STORED\r\nHD ka O1\r\nEN\r\n");
    talk_check(&talk, "ms QUI= 1 b\r\n1\r\nmd QUI= b k\r\nmg AB\r\n", "HD\r\nHD kQUI= b\r\nEN\r\n");
}

Test(meta, delete_hides_success_when_quiet_and_nothing_else) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nmd a C99 q\r\nmd a q\r\nmd a q\r\nmd a q Cx\r\n",
               "STORED\r\nEX\r\nNF\r\nCLIENT_ERROR bad token in command line format\r\n");
}

Test(meta, delete_compares_the_cas) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nmd a C2\r\nmd a C1\r\nmd a C1\r\n",
               "STORED\r\nEX\r\nHD\r\nNF\r\n");
}

Test(meta, delete_can_mark_stale_with_a_new_cas_and_time) {
    talk_check(&talk, "set a 3 0 1\r\n1\r\nmd a I T30 E500\r\nmg a c t f v\r\n",
               "STORED\r\nHD\r\nVA 1 c500 t30 f3 X W\r\n1\r\n");
    talk_check(&talk, "md a I\r\nmg a t\r\nmd a T99\r\nmg a\r\n", "HD\r\nHD t30 X W\r\nHD\r\nEN\r\n");
}

Test(meta, delete_can_empty_the_value) {
    talk_check(&talk, "set a 3 100 2\r\nhi\r\nmd a x\r\nmg a v f t c\r\n",
               "STORED\r\nHD\r\nVA 0 f0 t-1 c1\r\n\r\n");
    talk_check(&talk, "set a 3 100 2\r\nhi\r\nmd a x T50 F9 E77\r\nmg a v f t c\r\n",
               "STORED\r\nHD\r\nVA 0 f9 t50 c77\r\n\r\n");
    talk_check(&talk, "set a 3 100 2\r\nhi\r\nmd a x I T50\r\nmg a v t\r\n",
               "STORED\r\nHD\r\nVA 0 t50 X W\r\n\r\n");
    talk_check(&talk, "md b x\r\nmd b I\r\n", "NF\r\nNF\r\n");
}

Test(meta, arithmetic_counts_in_both_directions) {
    talk_check(&talk, "ma a\r\nma a k O5\r\nset a 0 0 2\r\n10\r\n", "NF\r\nNF ka O5\r\nSTORED\r\n");
    talk_check(&talk, "ma a\r\nma a v\r\nma a v D5 MI\r\nma a v D7 MD\r\nma a v M-\r\nma a v M+ D2\r\n",
               "HD\r\nVA 2\r\n12\r\nVA 2\r\n17\r\nVA 2\r\n10\r\nVA 1\r\n9\r\nVA 2\r\n11\r\n");
    talk_check(&talk, "ma a v MD D100\r\n", "VA 1\r\n0\r\n");
}

Test(meta, arithmetic_refuses_what_it_must) {
    talk_check(&talk, "set a 0 0 1\r\nx\r\nma a\r\nma a Mx\r\nma a M\r\nma a Mi\r\n",
               "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
               "CLIENT_ERROR invalid mode for ma M token\r\nCLIENT_ERROR invalid mode for ma M token\r\n"
               "CLIENT_ERROR invalid mode for ma M token\r\n");
    talk_check(
        &talk, "ma a z\r\nma a Dx\r\nma\r\nma a -\r\n",
        "CLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\n" BAD_FORMAT
            BAD_FORMAT);
}

Test(meta, arithmetic_creates_with_the_initial_value) {
    talk_check(&talk, "ma a N30 J13 v t\r\nma a v t N99 J99\r\n", "VA 2 t30\r\n13\r\nVA 2 t30\r\n14\r\n");
    talk_check(&talk, "ma b N0 v\r\nma c N0 q v\r\nma c v\r\n", "VA 1\r\n0\r\nVA 1\r\n1\r\n");
    talk_check(&talk, "ma QUI= b N0 J5 k\r\nmg AB v k\r\n", "HD kQUI= b\r\nVA 1 kQUI= b\r\n5\r\n");
}

Test(meta, arithmetic_of_two_times_for_a_created_item_takes_the_later_in_the_line) {
    talk_check(&talk, "ma a N10 T50 t\r\nmg a t\r\n", "HD t50\r\nHD t50\r\n");
    talk_check(&talk, "ma b T50 N10 t\r\nmg b t\r\n", "HD t10\r\nHD t10\r\n");
    talk_check(&talk, "ma c t N10\r\nmg c t\r\n", "HD t-1\r\nHD t10\r\n");
}

Test(meta, arithmetic_touches_and_shows_the_time_before_or_after) {
    talk_check(&talk, "set a 0 100 1\r\n1\r\nma a t T50 v\r\nma a T30 t\r\nma a t\r\n",
               "STORED\r\nVA 1 t100\r\n2\r\nHD t30\r\nHD t30\r\n");
}

Test(meta, arithmetic_compares_and_gives_the_cas) {
    talk_check(&talk,
               "set a 0 0 1\r\n1\r\nma a C9 k\r\nma a C1 c v\r\nma a C0 c v\r\nma a E900 c\r\nma b C5\r\n",
               "STORED\r\nEX ka\r\nVA 1 c4\r\n2\r\nVA 1 c7\r\n3\r\nHD c900\r\nNF\r\n");
}

Test(meta, arithmetic_hides_success_when_quiet_and_nothing_else) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nma a q\r\nma a q v\r\nma b q\r\nma a q C1\r\nma a v\r\n",
               "STORED\r\nNF\r\nEX\r\nVA 1\r\n4\r\n");
}

Test(meta, refuses_too_many_words) {
    static const char flags[] = " k O q v f c s t T1 C1 E1 N1 R1 h l u P L F1\r\n";
    char request[128];
    snprintf(request, sizeof(request), "mg a%s", flags);
    talk_check(&talk, request, "CLIENT_ERROR options flags are too long\r\n");
    snprintf(request, sizeof(request), "ma a%s", flags);
    talk_check(&talk, request, "CLIENT_ERROR options flags are too long\r\n");
    snprintf(request, sizeof(request), "ms a 2%.*s\r\nhi\r\n", (int)sizeof(flags) - 6, flags);
    talk_check(&talk, request, "CLIENT_ERROR options flags are too long\r\n");
}

Test(meta, counts_deletes_and_numbers) {
    talk_send(&talk, bytes_from_string(
                         "set a 0 0 1\r\n1\r\nmd a I\r\nmd a C99\r\nma a\r\nma a MD\r\nma b\r\nma b MD\r\n"
                         "ma c N0\r\nmd a\r\nmd a\r\nme a\r\nstats\r\n"));
    const char *text = talk_output(&talk).data;
    cr_assert_not_null(strstr(text, "STAT delete_hits 1\r\n"));
    cr_assert_not_null(strstr(text, "STAT delete_misses 2\r\n"));
    cr_assert_not_null(strstr(text, "STAT incr_hits 1\r\n"));
    cr_assert_not_null(strstr(text, "STAT incr_misses 1\r\n"));
    cr_assert_not_null(strstr(text, "STAT decr_hits 1\r\n"));
    cr_assert_not_null(strstr(text, "STAT decr_misses 1\r\n"));
    cr_assert_not_null(strstr(text, "STAT cmd_meta 1\r\n"));
}
