/* SPDX-License-Identifier: MIT
 *
 * command_meta: md, ma, mn.
 */
#include <stdio.h>

#include "fixture.h"

TestSuite(meta, .init = open_all, .fini = close_all);

Test(meta, noop_answers_and_ends_a_quiet_pipeline) {
    talk_check(&talk, "mn\r\nmn foo\r\nmg a q\r\nmg b q\r\nmn\r\n", "MN\r\nMN\r\nMN\r\n");
}

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
               "STORED\r\nEX ka\r\nVA 1 c2\r\n2\r\nVA 1 c3\r\n3\r\nHD c900\r\nNF\r\n");
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
