/* SPDX-License-Identifier: MIT
 *
 * condition: the fields of RFC 9110 section 13, alone and together.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "condition.h"

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define WHEN   "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

enum { WHEN_S = 784111777 };

static struct http_head head;

static void read_head(const char *method, const char *fields) {
    static char text[4096];
    int size = snprintf(text, sizeof(text), "%s / HTTP/1.1\r\n%s\r\n", method, fields);
    cr_assert_eq(http_head_parse(bytes_of(text, (size_t)size), &head), HTTP_PARSE_OK, "%s", fields);
}

static struct http_validator something(void) {
    return (struct http_validator){.exists = true,
                                   .etag = bytes_from_string("\"7\""),
                                   .has_modified = true,
                                   .modified_s = WHEN_S,
                                   .now_unix_s = WHEN_S + 1000};
}

static const struct {
    const char *fields;
    enum http_condition reads;        /* GET of something with tag "7", changed at WHEN */
    enum http_condition changes;      /* PUT of the same */
    enum http_condition reads_absent; /* GET of nothing */
} rows[] = {
#define TRUE HTTP_CONDITION_TRUE
#define SAME HTTP_CONDITION_NOT_MODIFIED
#define FAIL HTTP_CONDITION_FALSE
    {"", TRUE, TRUE, TRUE},
    {"If-Match: *\r\n", TRUE, TRUE, FAIL},
    {"If-Match: \"7\"\r\n", TRUE, TRUE, FAIL},
    {"If-Match: \"6\", \"7\"\r\n", TRUE, TRUE, FAIL},
    {"If-Match: \"6\"\r\nIf-Match: \"7\"\r\n", TRUE, TRUE, FAIL},
    {"If-Match: \"6\"\r\n", FAIL, FAIL, FAIL},
    {"If-Match: W/\"7\"\r\n", FAIL, FAIL, FAIL},
    {"If-Match: 7\r\n", FAIL, FAIL, FAIL},
    {"If-Match: \"7\r\n", FAIL, FAIL, FAIL},
    {"If-Match:\r\n", FAIL, FAIL, FAIL},
    {"If-None-Match: *\r\n", SAME, FAIL, TRUE},
    {"If-None-Match: \"7\"\r\n", SAME, FAIL, TRUE},
    {"If-None-Match: W/\"7\"\r\n", SAME, FAIL, TRUE},
    {"If-None-Match: \"1\" , W/\"7\"\r\n", SAME, FAIL, TRUE},
    {"If-None-Match: \"6\"\r\n", TRUE, TRUE, TRUE},
    {"If-None-Match: junk\r\n", TRUE, TRUE, TRUE},
    {"If-Modified-Since: " BEFORE "\r\n", TRUE, TRUE, TRUE},
    {"If-Modified-Since: " WHEN "\r\n", SAME, TRUE, TRUE},
    {"If-Modified-Since: " AFTER "\r\n", SAME, TRUE, TRUE},
    {"If-Modified-Since: yesterday\r\n", TRUE, TRUE, TRUE},
    {"If-Modified-Since: " AFTER "\r\nIf-Modified-Since: " AFTER "\r\n", TRUE, TRUE, TRUE},
    {"If-None-Match: \"6\"\r\nIf-Modified-Since: " AFTER "\r\n", TRUE, TRUE, TRUE},
    {"If-None-Match: \"7\"\r\nIf-Modified-Since: " BEFORE "\r\n", SAME, FAIL, TRUE},
    {"If-Unmodified-Since: " BEFORE "\r\n", FAIL, FAIL, TRUE},
    {"If-Unmodified-Since: " WHEN "\r\n", TRUE, TRUE, TRUE},
    {"If-Unmodified-Since: yesterday\r\n", TRUE, TRUE, TRUE},
    {"If-Match: \"7\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", TRUE, TRUE, FAIL},
    {"If-Match: \"7\"\r\nIf-None-Match: \"7\"\r\n", SAME, FAIL, FAIL},
    {"If-Match: \"6\"\r\nIf-None-Match: \"7\"\r\n", FAIL, FAIL, FAIL},
};

Test(http_condition, follows_the_order_of_rfc_9110) {
    struct http_validator here = something();
    struct http_validator nothing = {.exists = false};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        read_head("GET", rows[i].fields);
        cr_assert_eq(http_condition_check(&head, &here), rows[i].reads, "GET %s", rows[i].fields);
        cr_assert_eq(http_condition_check(&head, &nothing), rows[i].reads_absent, "none %s", rows[i].fields);
        cr_assert(http_condition_any(&head) == (rows[i].fields[0] != 0), "%s", rows[i].fields);
        read_head("HEAD", rows[i].fields);
        cr_assert_eq(http_condition_check(&head, &here), rows[i].reads, "HEAD %s", rows[i].fields);
        read_head("PUT", rows[i].fields);
        cr_assert_eq(http_condition_check(&head, &here), rows[i].changes, "PUT %s", rows[i].fields);
    }
}

Test(http_condition, passes_over_dates_where_none_is_known) {
    struct http_validator undated = something();
    undated.has_modified = false;
    read_head("GET", "If-Modified-Since: " AFTER "\r\nIf-Unmodified-Since: " BEFORE "\r\n");
    cr_assert_eq(http_condition_check(&head, &undated), HTTP_CONDITION_TRUE);
}

Test(http_condition, heeds_a_range_only_where_if_range_fits) {
    static const struct {
        const char *fields;
        bool heeded;
    } ranges[] = {
        {"", true},
        {"If-Range: \"7\"\r\n", true},
        {"If-Range: \"6\"\r\n", false},
        {"If-Range: W/\"7\"\r\n", false},
        {"If-Range: " WHEN "\r\n", true},
        {"If-Range: " BEFORE "\r\n", false},
        {"If-Range: " AFTER "\r\n", false},
        {"If-Range: junk\r\n", false},
        {"If-Range:\r\n", false},
        {"If-Range: \"7\"\r\nIf-Range: \"6\"\r\n", false},
    };
    struct http_validator here = something();
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        read_head("GET", ranges[i].fields);
        cr_assert_eq(http_condition_range(&head, &here), ranges[i].heeded, "%s", ranges[i].fields);
    }
}
