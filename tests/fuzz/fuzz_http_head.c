/* SPDX-License-Identifier: MIT
 *
 * fuzz_http_head: the parser of request heads, and what reads them further, on any bytes.
 *
 * Checked: slices lie inside the head; the verdict on a part is MORE or the verdict on the whole; what is
 * accepted ends with an empty line and holds no lone CR or LF; a memo of another head, or of this one, says the same.
 */
#include <assert.h>
#include <stdlib.h>

#include "parse/accept.h"
#include "parse/condition.h"
#include "parse/memo.h"
#include "parse/range.h"
#include "parse/target.h"
#include "same_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inputs are cut at this many places: enough for every prefix of a usual head. */
enum { CUTS_MAX = 512 };

static void check_inside(struct bytes outer, struct bytes inner) {
    if (inner.size > 0) {
        assert(inner.data >= outer.data && inner.data + inner.size <= outer.data + outer.size);
    }
}

static void check_lines(struct bytes text) {
    for (size_t i = 0; i < text.size; i++) {
        assert(text.data[i] != '\n' || (i > 0 && text.data[i - 1] == '\r'));
        assert(text.data[i] != '\r' || (i + 1 < text.size && text.data[i + 1] == '\n'));
        assert(text.data[i] != '\0');
    }
}

static void check_further(struct bytes text, const struct http_head *head) {
    struct http_message message;
    struct http_target target;
    struct http_range range;
    struct http_validator validator = {
        .exists = true, .etag = bytes_from_string("\"7\""), .has_modified = true};
    bool good = http_message_read(head, http_host_is_valid(http_head_find(head, HTTP_HOST)), &message) ==
                HTTP_PARSE_OK;
    assert(!good || message.body != HTTP_BODY_LENGTH || message.body_size > 0);
    assert(good || message.status >= 400);
    struct http_target any;
    bool target_is_good = http_target_read(head, &target);
    assert(http_target_read_any(head, &any) == target_is_good);
    if (target_is_good) {
        assert(bytes_equal(any.path, target.path) && bytes_equal(any.query, target.query));
        static char decoded[HTTP_HEAD_TARGET_SIZE_MAX];
        size_t decoded_size = 0;
        check_inside(text, target.query);
        check_inside(text, target.authority);
        http_percent_decode(target.path, decoded, sizeof(decoded), &decoded_size);
        assert(decoded_size <= target.path.size);
        http_query_find(target.query, "ttl", &target.query);
        check_inside(text, target.query);
    }
    http_condition_check(head, &validator);
    http_condition_range(head, &validator);
    http_accept_coding(head, "gzip");
    if (http_range_read(http_head_find(head, HTTP_RANGE), 100, &range) == HTTP_RANGE_PART) {
        assert(range.size >= 1 && range.first + range.size <= 100);
    }
}

static void check_accepted(struct bytes input, const struct http_head *head) {
    assert(head->size <= input.size && head->size <= HTTP_HEAD_SIZE_MAX);
    struct bytes text = bytes_of(input.data, head->size);
    check_lines(text);
    check_inside(text, head->target);
    assert(text.size >= 4 && memcmp(text.data + text.size - 4, "\r\n\r\n", 4) == 0);
    assert(head->target.size >= 1 && head->target.size <= HTTP_HEAD_TARGET_SIZE_MAX && head->minor <= 1);
    assert(head->fields_count <= HTTP_HEAD_FIELDS_MAX);
    for (unsigned i = 0; i < head->fields_count; i++) {
        check_inside(text, head->fields[i].value);
    }
    check_further(text, head);
}

/* `parsed` and *head are what http_head_parse says. */
static void check_memo(struct http_memo *memo, struct bytes input, enum http_parse parsed,
                       const struct http_head *head) {
    assert(http_memo_read(memo, input) == parsed);
    assert(parsed != HTTP_PARSE_OK || same_head(&memo->head, head));
    assert(parsed != HTTP_PARSE_BAD || memo->head.status == head->status);
}

/* A head, and behind it whatever has its place there: the next one, or what somebody would like to be taken for it. */
static void check_memo_rests(struct bytes input, enum http_parse parsed, const struct http_head *head) {
    static struct http_memo memo;
    static struct http_head next;
    memo.rest_size = 0;
    check_memo(&memo, input, parsed, head);
    if (parsed == HTTP_PARSE_OK && head->size < input.size) {
        struct bytes rest = bytes_after(input, head->size);
        enum http_parse next_parsed = http_head_parse(rest, &next);
        check_memo(&memo, rest, next_parsed, &next);
        check_memo(&memo, input, parsed, head);
    }
    check_memo(&memo, input, parsed, head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct http_head head;
    static struct http_head again;
    struct bytes input = bytes_of((const char *)data, size);
    enum http_parse parsed = http_head_parse(input, &head);
    if (parsed == HTTP_PARSE_OK) {
        check_accepted(input, &head);
    }
    check_memo_rests(input, parsed, &head);
    for (size_t cut = 0; cut <= size && cut < CUTS_MAX; cut++) {
        enum http_parse part = http_head_parse(bytes_of(input.data, cut), &again);
        assert(part == HTTP_PARSE_MORE ||
               (part == parsed && (part == HTTP_PARSE_OK || again.status == head.status)));
        assert(part != HTTP_PARSE_OK || again.size == head.size);
    }
    return 0;
}
