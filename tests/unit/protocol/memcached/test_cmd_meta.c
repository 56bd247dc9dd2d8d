/* SPDX-License-Identifier: MIT
 *
 * cmd_meta: mg, me, mn.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

TestSuite(meta_get, .init = open_all, .fini = close_all);

Test(meta_get, answers_hits_and_misses) {
    talk_check(&talk, "mg a v\r\n", "EN\r\n");
    talk_check(&talk, "set a 7 0 5\r\nhello\r\n", "STORED\r\n");
    talk_check(&talk, "mg a\r\nmg a v\r\n", "HD\r\nVA 5\r\nhello\r\n");
}

Test(meta_get, returns_flags_in_the_order_of_the_request) {
    talk_check(&talk, "set a 7 100 5\r\nhello\r\n", "STORED\r\n");
    talk_check(&talk, "mg a s v f t Oabc k c\r\n", "VA 5 s5 f7 t100 Oabc ka c1\r\nhello\r\n");
    talk_check(&talk, "mg a k O1 f s P Lx\r\n", "HD ka O1 f7 s5\r\n");
    talk_check(&talk, "mg b s v f t Oabc k c\r\nmg b k O1\r\n", "EN Oabc kb\r\nEN kb O1\r\n");
}

Test(meta_get, hides_misses_when_quiet_and_nothing_else) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    talk_check(&talk, "mg b q v k\r\nmg a q v\r\nmg a q\r\nmg b q Tx\r\nmn\r\n",
               "VA 1\r\n1\r\nHD\r\nCLIENT_ERROR bad token in command line format\r\nMN\r\n");
}

Test(meta_get, shows_the_state_before_this_request) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nmg a h l\r\n", "STORED\r\nHD h0 l0\r\n");
    talk_server_advance(&server, 5);
    talk_check(&talk, "mg a u h l\r\nmg a h l\r\nmg a h l\r\n", "HD h1 l5\r\nHD h1 l5\r\nHD h1 l0\r\n");
}

Test(meta_get, counts_no_use_when_asked_not_to) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nmg a u\r\nmg a u h\r\nmg a\r\nmg a h\r\n",
               "STORED\r\nHD\r\nHD h0\r\nHD\r\nHD h1\r\n");
}

Test(meta_get, touches_and_shows_the_time_before_or_after) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nmg a t T100 v\r\nmg a T50 t\r\nmg a t\r\n",
               "STORED\r\nVA 1 t-1\r\n1\r\nHD t50\r\nHD t50\r\n");
    talk_server_advance(&server, 20);
    talk_check(&talk, "mg a t\r\nmg a t T0\r\nmg a t\r\n", "HD t30\r\nHD t30\r\nHD t-1\r\n");
}

Test(meta_get, leaves_the_value_out_when_the_client_has_it) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nmg a c v C1\r\nmg a c v C2\r\n",
               "STORED\r\nHD c1\r\nVA 1 c1\r\n1\r\n");
}

Test(meta_get, finds_a_binary_key_by_its_bytes) {
    talk_check(&talk, "ms QUI= 2 b\r\nhi\r\n", "HD\r\n");
    talk_check(&talk, "mg QUI= b v k\r\nmg AB v k\r\n", "VA 2 kQUI= b\r\nhi\r\nVA 2 kQUI= b\r\nhi\r\n");
    talk_check(&talk, "set cd 0 0 1\r\n1\r\nmg Y2Q= b k\r\nmg Y2U= b k\r\n",
               "STORED\r\nHD kcd\r\nEN kY2U= b\r\n");
    talk_check(&talk, "mg Y2 b\r\n", "CLIENT_ERROR error decoding key\r\n");
}

Test(meta_get, creates_an_item_on_a_miss_and_its_creator_wins) {
    talk_check(&talk, "mg a N30 t v\r\n", "VA 0 t30 W\r\n\r\n");
    talk_check(&talk, "mg a N30 v\r\nmg a\r\n", "VA 0 Z\r\n\r\nHD Z\r\n");
    talk_check(&talk, "set a 0 0 1\r\n1\r\nmg a N30 v\r\n", "STORED\r\nVA 1\r\n1\r\n");
    talk_server_advance(&server, 31);
    talk_check(&talk, "mg a t N30 T100 t2\r\n", "CLIENT_ERROR duplicate flag\r\n");
}

Test(meta_get, of_two_times_for_a_created_item_takes_the_later_in_the_line) {
    talk_check(&talk, "mg a N30 T100 t\r\nmg a t\r\n", "HD t100 W\r\nHD t100 Z\r\n");
    talk_check(&talk, "mg b T100 N30 t\r\nmg b t\r\n", "HD t30 W\r\nHD t30 Z\r\n");
    talk_check(&talk, "mg c t N30\r\nmg c t\r\n", "HD t-1 W\r\nHD t30 Z\r\n");
    talk_check(&talk, "mg d N30 E77 c\r\n", "HD c77 W\r\n");
}

Test(meta_get, lets_one_client_recompute_before_the_end) {
    talk_check(&talk, "ms a 1 T100\r\n1\r\nmg a R30\r\nmg a R200 v\r\nmg a R200 v\r\n",
               "HD\r\nHD\r\nVA 1 W\r\n1\r\nVA 1 Z\r\n1\r\n");
    talk_check(&talk, "set a 0 0 1\r\n1\r\nmg a R200\r\n", "STORED\r\nHD\r\n");
}

Test(meta_get, takes_a_number_above_30_days_for_a_unix_time) {
    talk_check(&talk, "ms a 1 T100\r\n1\r\nmg a R2592001\r\nmg a T-1 R2592001\r\n", "HD\r\nHD\r\nHD\r\n");
    talk_check(&talk, "ms a 1 T100\r\n1\r\nmg a R-1\r\nmg a R2147483647\r\n", "HD\r\nHD\r\nHD W\r\n");
}

Test(meta_get, judges_the_time_left_in_the_order_of_the_line) {
    talk_check(&talk, "ms a 1 T100\r\n1\r\nmg a R30 T10\r\nmg a R30 T100\r\n", "HD\r\nHD\r\nHD W\r\n");
    talk_check(&talk, "ms b 1 T100\r\n1\r\nmg b T10 R30 t\r\n", "HD\r\nHD t10 W\r\n");
    talk_check(&talk, "ms c 1 T10\r\n1\r\nmg c T100 R30\r\nmg c T0 R30\r\n", "HD\r\nHD\r\nHD\r\n");
    talk_check(&talk, "ms d 1\r\n1\r\nmg d T-1 R30\r\n", "HD\r\nHD W\r\n");
}

Test(meta_get, lets_one_client_recompute_a_stale_value) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nmd a I\r\n", "STORED\r\nHD\r\n");
    talk_check(&talk, "mg a v\r\nmg a v\r\n", "VA 1 X W\r\n1\r\nVA 1 Z X\r\n1\r\n");
    talk_check(&talk, "md a I T30\r\nmg a t\r\n", "HD\r\nHD t30 X W\r\n");
    talk_check(&talk, "set a 0 0 1\r\n2\r\nmg a v\r\n", "STORED\r\nVA 1\r\n2\r\n");
}

Test(meta_get, sends_values_of_every_size_whole) {
    static const size_t sizes[] = {1, 1000, 1276, 1277, 1278, 1279, 1280, 2048, 4095, 4096, 4097, 100000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *value = malloc(sizes[i] + 2);
        memset(value, 'v', sizes[i]);
        memcpy(value + sizes[i], "\r\n", 2);
        char line[64];
        int line_size = snprintf(line, sizeof(line), "ms k %zu\r\n", sizes[i]);
        talk_send(&talk, bytes_of(line, (size_t)line_size));
        talk_send(&talk, bytes_of(value, sizes[i] + 2));
        talk_send(&talk, bytes_from_string("mg k v k\r\nmn\r\n"));
        struct bytes output = talk_output(&talk);
        line_size = snprintf(line, sizeof(line), "HD\r\nVA %zu kk\r\n", sizes[i]);
        cr_assert_eq(output.size, (size_t)line_size + sizes[i] + 2 + 4, "%zu", sizes[i]);
        cr_assert(memcmp(output.data, line, (size_t)line_size) == 0, "%zu", sizes[i]);
        cr_assert(memcmp(output.data + line_size, value, sizes[i] + 2) == 0, "%zu", sizes[i]);
        free(value);
    }
}

Test(meta_get, debug_tells_what_is_known_of_an_item) {
    talk_check(&talk, "me a\r\nset a 0 100 1\r\n1\r\n", "EN\r\nSTORED\r\n");
    talk_server_advance(&server, 7);
    talk_send(&talk, bytes_from_string("me a\r\n"));
    cr_assert_eq(strncmp(talk_output(&talk).data, "ME a exp=93 la=7 cas=1 fetch=no cls=1 size=", 43), 0);
    talk_check(&talk, "get a\r\n", "VALUE a 0 1\r\n1\r\nEND\r\n");
    talk_send(&talk, bytes_from_string("me a\r\n"));
    cr_assert_eq(strncmp(talk_output(&talk).data, "ME a exp=93 la=0 cas=1 fetch=yes cls=1 size=", 44), 0);
    talk_check(&talk, "me\r\nme " KEY_251 "\r\nme abc b\r\n",
               BAD_FORMAT BAD_FORMAT "CLIENT_ERROR error decoding key\r\n");
}

Test(meta_get, debug_shows_a_binary_key_in_base64) {
    talk_check(&talk, "ms QUI= 2 b\r\nhi\r\n", "HD\r\n");
    talk_send(&talk, bytes_from_string("me QUI= b\r\n"));
    cr_assert_eq(strncmp(talk_output(&talk).data, "ME QUI= exp=-1 la=0 cas=1 fetch=no", 34), 0);
}

Test(meta_get, noop_answers_and_ends_a_quiet_pipeline) {
    talk_check(&talk, "mn\r\nmn foo\r\nmg a q\r\nmg b q\r\nmn\r\n", "MN\r\nMN\r\nMN\r\n");
}
