/* SPDX-License-Identifier: MIT
 *
 * text: tokens, comparison without case, lists.
 */
#include <criterion/criterion.h>

#include "text.h"

Test(http_text, knows_the_bytes_of_a_token) {
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (int byte = 0; byte < 256; byte++) {
        bool expected = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                        (byte >= 'A' && byte <= 'Z') ||
                        (byte > 0 && memchr(others, byte, sizeof(others) - 1));
        cr_assert_eq(http_text_is_token((char)byte), expected, "byte %d", byte);
    }
}

Test(http_text, compares_letters_without_case_and_nothing_else) {
    cr_assert(http_text_equal(bytes_from_string("Keep-ALIVE"), "keep-alive"));
    cr_assert(!http_text_equal(bytes_from_string("keep-aliv"), "keep-alive"));
    cr_assert(!http_text_equal(bytes_from_string("keep-alivE\r"), "keep-alive"));
    cr_assert(!http_text_equal(bytes_of("keep\raliv", 9), "keep-aliv")); /* '\r' | 0x20 is '-' */
}

Test(http_text, cuts_lists_at_commas_and_skips_empty_elements) {
    struct bytes list = bytes_from_string(" , a,, b\t ,c d,");
    struct bytes element;
    static const char *const expected[] = {"a", "b", "c d"};
    for (size_t i = 0; i < 3; i++) {
        cr_assert(http_text_list_next(&list, &element));
        cr_assert(bytes_equal_string(element, expected[i]), "%zu", i);
    }
    cr_assert(!http_text_list_next(&list, &element));
}

Test(http_text, reads_hexadecimal_digits) {
    for (int byte = 0; byte < 256; byte++) {
        int expected = byte >= '0' && byte <= '9'   ? byte - '0'
                       : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                       : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                                    : -1;
        cr_assert_eq(http_text_hex((char)byte), expected, "byte %d", byte);
    }
}
