/* SPDX-License-Identifier: MIT
 *
 * target: the forms of a target, percent-decoding, parameters of a query.
 */
#include <criterion/criterion.h>

#include "target.h"

static struct http_head head;

/* With and without the word that there is nothing in it but a path. */
static bool read_target(enum http_method method, const char *text, struct http_target *target) {
    struct http_target any;
    head.method = method;
    head.target = bytes_from_string(text);
    head.target_is_plain = strpbrk(text, "#%?") == NULL;
    bool good = http_target_read(&head, target);
    cr_assert_eq(http_target_read_any(&head, &any), good);
    cr_assert(!good || (bytes_equal(any.path, target->path) && bytes_equal(any.query, target->query) &&
                        bytes_equal(any.authority, target->authority) && any.asterisk == target->asterisk));
    return good;
}

Test(http_target, reads_its_three_forms) {
    static const struct {
        enum http_method method;
        const char *text;
        const char *path;
        const char *query;
        const char *authority;
    } rows[] = {
        {HTTP_GET, "/", "/", "", ""},
        {HTTP_GET, "/a/b?c=d?e", "/a/b", "c=d?e", ""},
        {HTTP_GET, "/?", "/", "", ""},
        {HTTP_GET, "//a", "//a", "", ""},
        {HTTP_GET, "http://h/a?b", "/a", "b", "h"},
        {HTTP_GET, "HTTP://h:80", "/", "", "h:80"},
        {HTTP_GET, "https://[::1]:8080?x", "/", "x", "[::1]:8080"},
        {HTTP_OPTIONS, "*", "*", "", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_target target;
        cr_assert(read_target(rows[i].method, rows[i].text, &target), "%s", rows[i].text);
        cr_assert(bytes_equal_string(target.path, rows[i].path), "%s", rows[i].text);
        cr_assert(bytes_equal_string(target.query, rows[i].query), "%s", rows[i].text);
        cr_assert(bytes_equal_string(target.authority, rows[i].authority), "%s", rows[i].text);
        cr_assert_eq(target.asterisk, rows[i].method == HTTP_OPTIONS, "%s", rows[i].text);
    }
}

Test(http_target, refuses_any_other_form) {
    static const char *const rows[] = {
        "*", "a",        "localhost:80", "a/b",       "?a",          "/a#b",
        "#", "ftp://h/", "http://",      "http:///a", "http://u@h/", "http:/h",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_target target;
        cr_assert(!read_target(HTTP_GET, rows[i], &target), "%s", rows[i]);
    }
    struct http_target target;
    cr_assert(!read_target(HTTP_OPTIONS, "**", &target));
}

Test(http_target, decodes_percent_once) {
    static const struct {
        const char *text;
        const char *decoded; /* NULL: refused */
        size_t size;
    } rows[] = {
        {"", "", 0},
        {"a+b", "a+b", 3},
        {"a%20b", "a b", 3},
        {"%00", "\0", 1},
        {"%2541", "%41", 3},
        {"%c3%BC", "\xc3\xbc", 2},
        {"%fF", "\xff", 1},
        {"%", NULL, 0},
        {"%4", NULL, 0},
        {"%g0", NULL, 0},
        {"%0g", NULL, 0},
        {"a%%", NULL, 0},
        {"12345678", "12345678", 8},
        {"123456789", NULL, 0},
        {"1234567%38", "12345678", 8},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char decoded[8];
        size_t size = 0;
        bool good = http_percent_decode(bytes_from_string(rows[i].text), decoded, sizeof(decoded), &size);
        cr_assert_eq(good, rows[i].decoded != NULL, "%s", rows[i].text);
        cr_assert(!good || bytes_equal(bytes_of(decoded, size), bytes_of(rows[i].decoded, rows[i].size)),
                  "%s", rows[i].text);
    }
}

Test(http_target, finds_parameters_by_their_whole_name) {
    static const struct {
        const char *query;
        const char *value; /* NULL: not there */
    } rows[] = {
        {"ttl=5", "5"},     {"a=b&ttl=5&ttl=6", "5"}, {"ttl", ""}, {"ttl=", ""},         {"ttl&a", ""},
        {"ttls=5", NULL},   {"xttl=5", NULL},         {"", NULL},  {"&&ttl=%20", "%20"}, {"tt", NULL},
        {"ttl=a=b", "a=b"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bytes value;
        bool found = http_query_find(bytes_from_string(rows[i].query), "ttl", &value);
        cr_assert_eq(found, rows[i].value != NULL, "%s", rows[i].query);
        cr_assert(!found || bytes_equal_string(value, rows[i].value), "%s", rows[i].query);
    }
}

static bool is_only(const char *query) {
    static const char *const names[] = {"op", "by", NULL};
    return http_query_is_only(bytes_from_string(query), names);
}

Test(target, a_query_may_be_held_to_names_each_of_them_once) {
    cr_expect(is_only("") && is_only("op=a") && is_only("by&op=a") && is_only("op==&by=op"));
    cr_expect_not(is_only("op=a&op=a"));
    cr_expect_not(is_only("op=a&b=1"));
    cr_expect_not(is_only("opp=a"));
    cr_expect_not(is_only("o%70=a"));
    cr_expect_not(is_only("&op=a"));
    cr_expect_not(is_only("=op"));
}
