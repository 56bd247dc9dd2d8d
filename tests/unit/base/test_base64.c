/* SPDX-License-Identifier: MIT
 *
 * base64: the examples of RFC 4648, every length there and back, and what is refused.
 */
#include <criterion/criterion.h>

#include "base64.h"
#include "guard.h"

Test(base64, knows_the_examples_of_the_rfc) {
    static const char *const rows[][2] = {{"f", "Zg=="},         {"fo", "Zm8="},
                                          {"foo", "Zm9v"},       {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[16];
        char data[16];
        size_t size = 0;
        char *end = base64_encode(text, bytes_from_string(rows[i][0]));
        cr_assert(bytes_equal_string(bytes_of(text, (size_t)(end - text)), rows[i][1]), "%s", rows[i][0]);
        cr_assert(base64_decode(bytes_from_string(rows[i][1]), data, &size));
        cr_assert(bytes_equal_string(bytes_of(data, size), rows[i][0]), "%s", rows[i][1]);
    }
}

Test(base64, decodes_what_it_encoded_at_every_length) {
    struct guard source;
    guard_init(&source, 4096);
    char bytes[256];
    char text[BASE64_TEXT_SIZE(256)];
    char data[BASE64_TEXT_SIZE(256)];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)(i * 167 + 13);
    }
    for (size_t size = 1; size <= sizeof(bytes); size++) {
        char *end = base64_encode(text, guard_copy(&source, bytes_of(bytes, size)));
        cr_assert_eq((size_t)(end - text), BASE64_TEXT_SIZE(size));
        size_t decoded = 0;
        cr_assert(base64_decode(guard_copy(&source, bytes_of(text, BASE64_TEXT_SIZE(size))), data, &decoded));
        cr_assert(bytes_equal(bytes_of(data, decoded), bytes_of(bytes, size)), "%zu bytes", size);
    }
    guard_deinit(&source);
}

Test(base64, refuses_what_is_none) {
    static const char *const rows[] = {"",     "Z",    "Zg",       "Zg=",  "=",     "====",    "Z===",
                                       "=Zg=", "Zg=g", "Zm9v====", "Zm 9", "Zm9\n", "Zm9\x80", "Zg==Zm9v"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char data[16];
        size_t size;
        cr_assert_not(base64_decode(bytes_from_string(rows[i]), data, &size), "'%s'", rows[i]);
    }
}
