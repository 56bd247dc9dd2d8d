/* SPDX-License-Identifier: MIT
 *
 * line: text that is written in place.
 */
#include <criterion/criterion.h>

#include "line.h"

static void expect_escaped(struct bytes text, const char *expected) {
    char line[64];
    size_t size = (size_t)(line_escaped(line, text) - line);
    cr_assert(bytes_equal_string(bytes_of(line, size), expected), "%.*s", (int)size, line);
}

Test(line, escapes_all_but_unreserved_bytes) {
    expect_escaped(bytes_from_string("azAZ09-._~"), "azAZ09-._~");
    expect_escaped(bytes_from_string(" %/:\r\n"), "%20%25%2F%3A%0D%0A");
    expect_escaped(bytes_of("\0\x7f\xff", 3), "%00%7F%FF");
    expect_escaped(bytes_of(NULL, 0), "");
}

Test(line, is_put_together_piece_by_piece) {
    char line[16];
    char *at = line_bytes(line_text(line, "key="), bytes_of("a\0b", 3));
    cr_assert_eq(at - line, 7);
    cr_assert(memcmp(line, "key=a\0b", 7) == 0);
    cr_assert_eq(line_bytes(at, bytes_of("", 0)), at);
}
