/* SPDX-License-Identifier: MIT
 *
 * accept: content codings that a client takes.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "accept.h"

Test(http_accept, takes_a_coding_that_is_named_with_a_weight_above_zero) {
    static const struct {
        const char *fields;
        bool br;
        bool gzip;
    } rows[] = {
        {"", false, false},
        {"Accept-Encoding: gzip, deflate, br\r\n", true, true},
        {"Accept-Encoding: GZIP\r\n", false, true},
        {"Accept-Encoding: gzip\r\nAccept-Encoding: br\r\n", true, true},
        {"Accept-Encoding: *\r\n", true, true},
        {"Accept-Encoding: *;q=0\r\n", false, false},
        {"Accept-Encoding: gzip;q=0, *\r\n", true, false},
        {"Accept-Encoding: *, gzip;q=0\r\n", true, false},
        {"Accept-Encoding: br ; q=0.001, gzip;q=0.000\r\n", true, false},
        {"Accept-Encoding: br;Q=0., gzip;q=1\r\n", false, true},
        {"Accept-Encoding: xbr, gzipx\r\n", false, false},
        {"Accept-Encoding: identity\r\n", false, false},
        {"Accept-Encoding:\r\n", false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static struct http_head head;
        static char text[1024];
        int size = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s\r\n", rows[i].fields);
        cr_assert_eq(http_head_parse(bytes_of(text, (size_t)size), &head), HTTP_PARSE_OK);
        cr_assert_eq(http_accept_coding(&head, "br"), rows[i].br, "%s", rows[i].fields);
        cr_assert_eq(http_accept_coding(&head, "gzip"), rows[i].gzip, "%s", rows[i].fields);
    }
}
