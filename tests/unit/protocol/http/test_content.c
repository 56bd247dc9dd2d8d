/* SPDX-License-Identifier: MIT
 *
 * content: media types and codings as client flags, up to the bound.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "content.h"

static struct http_contents contents;

static void init(void) {
    cr_assert_eq(http_contents_init(&contents), 0);
}

static void deinit(void) {
    http_contents_deinit(&contents);
}

TestSuite(http_content, .init = init, .fini = deinit);

static enum http_content_outcome flags_of(const char *type, const char *coding, uint32_t *flags) {
    return http_content_flags(&contents, bytes_from_string(type), bytes_from_string(coding), flags);
}

Test(http_content, keeps_a_pair_as_it_was_given) {
    static const char *const pairs[][2] = {
        {"text/plain", ""},        {"text/plain", "gzip"},  {"a/b", ""},
        {"a/b; c=\"d e\"", "x-y"}, {"image/svg+xml", "br"}, {"a/b ; c", ""},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        uint32_t flags = 0;
        uint32_t again = 0;
        cr_assert_eq(flags_of(pairs[i][0], pairs[i][1], &flags), HTTP_CONTENT_OK, "%s", pairs[i][0]);
        cr_assert(http_content_is_typed(flags));
        struct http_content content = http_content_of(&contents, flags);
        cr_assert(bytes_equal_string(content.type, pairs[i][0]), "%s", pairs[i][0]);
        cr_assert(bytes_equal_string(content.coding, pairs[i][1]), "%s", pairs[i][1]);
        flags_of(pairs[i][0], pairs[i][1], &again);
        cr_assert_eq(again, flags);
    }
}

Test(http_content, gives_octets_without_coding_no_flags) {
    uint32_t flags = 1;
    cr_assert_eq(flags_of("application/octet-stream", "", &flags), HTTP_CONTENT_OK);
    cr_assert_eq(flags, 0);
    cr_assert_eq(flags_of("", "", &flags), HTTP_CONTENT_OK);
    cr_assert_eq(flags, 0);
    cr_assert_eq(flags_of("", "gzip", &flags), HTTP_CONTENT_OK);
    cr_assert_neq(flags, 0);
}

Test(http_content, takes_the_flags_of_memcached_clients_for_octets) {
    static const uint32_t others[] = {0, 1, 16, 0xffffffff, 0x47000001, 0x49000001, 0x48ffffff, 0x48001000};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct http_content content = http_content_of(&contents, others[i]);
        cr_assert(bytes_equal_string(content.type, "application/octet-stream"), "%x", others[i]);
    }
}

Test(http_content, refuses_what_is_no_type_or_coding) {
    static const char *const types[] = {"x", "/b", "a/", "a b/c", "a/b c", "a/b\x80", "a/b;\x01", "a/b, c/d"};
    uint32_t flags;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        cr_assert_eq(flags_of(types[i], "", &flags), HTTP_CONTENT_BAD, "%s", types[i]);
    }
    cr_assert_eq(flags_of("a/b", "gzip, br", &flags), HTTP_CONTENT_BAD);
    cr_assert_eq(flags_of("a/b", "1234567890123456789012345", &flags), HTTP_CONTENT_BAD);
    char type[HTTP_CONTENT_TYPE_SIZE_MAX + 2];
    memset(type, 'a', sizeof(type));
    type[1] = '/';
    type[HTTP_CONTENT_TYPE_SIZE_MAX] = '\0';
    cr_assert_eq(flags_of(type, "", &flags), HTTP_CONTENT_OK);
    type[HTTP_CONTENT_TYPE_SIZE_MAX] = 'a';
    type[HTTP_CONTENT_TYPE_SIZE_MAX + 1] = '\0';
    cr_assert_eq(flags_of(type, "", &flags), HTTP_CONTENT_BAD);
}

Test(http_content, remembers_4096_pairs_and_not_one_more) {
    uint32_t flags = 0;
    unsigned added = 0;
    char type[32];
    for (;;) {
        snprintf(type, sizeof(type), "a/n%u", added);
        enum http_content_outcome outcome = flags_of(type, "", &flags);
        if (outcome == HTTP_CONTENT_FULL) {
            break;
        }
        cr_assert_eq(outcome, HTTP_CONTENT_OK);
        added++;
    }
    cr_assert_eq(atomic_load(&contents.count), HTTP_CONTENTS_MAX);
    cr_assert_eq(flags_of("a/n0", "", &flags), HTTP_CONTENT_OK);
    cr_assert(bytes_equal_string(http_content_of(&contents, flags).type, "a/n0"));
}
