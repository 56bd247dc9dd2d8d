/* SPDX-License-Identifier: MIT
 *
 * chunk: bodies in chunks, whole and cut anywhere, and every way to get one wrong.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "body.h"
#include "guard.h"
#include "head.h"

enum { GUARD_SIZE = 64 * 1024 };

struct decoded {
    enum http_parse parsed; /* OK: the body is at its end */
    enum http_status status;
    size_t consumed;
    char body[256];
    size_t body_size;
};

/* Decodes what is there, as it is there in pieces of `step` bytes. */
static struct decoded decode(struct guard *guard, struct bytes text, size_t step) {
    struct http_chunk chunk = {0};
    struct decoded decoded = {.parsed = HTTP_PARSE_MORE};
    size_t here = step < text.size ? step : text.size;
    while (chunk.state != HTTP_CHUNK_DONE) {
        struct bytes input =
            guard_copy(guard, bytes_of(text.data + decoded.consumed, here - decoded.consumed));
        size_t consumed;
        struct bytes data;
        decoded.parsed = http_chunk_next(&chunk, input, &consumed, &data);
        if (decoded.parsed == HTTP_PARSE_BAD) {
            decoded.status = chunk.status;
            return decoded;
        }
        if (decoded.parsed == HTTP_PARSE_MORE) {
            if (here == text.size) {
                return decoded;
            }
            here = text.size - here < step ? text.size : here + step;
            continue;
        }
        cr_assert(consumed > 0 && decoded.body_size + data.size <= sizeof(decoded.body));
        if (data.size > 0) {
            memcpy(decoded.body + decoded.body_size, data.data, data.size);
            decoded.body_size += data.size;
        }
        decoded.consumed += consumed;
    }
    return decoded;
}

static const struct {
    const char *text;
    const char *body;
} accepted[] = {
    {"0\r\n\r\n", ""},
    {"5\r\nhello\r\n0\r\n\r\n", "hello"},
    {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
    {"a\r\n0123456789\r\nA\r\nabcdefghij\r\n00\r\n\r\n", "0123456789abcdefghij"},
    {"0005\r\nhello\r\n000\r\n\r\n", "hello"},
    {"5;a\r\nhello\r\n0;b=c;d=\"e;\\\"f\"\r\n\r\n", "hello"},
    {"5 ; a = b\r\nhello\r\n0\t;\tx\r\n\r\n", "hello"},
    {"5\r\nhello\r\n0\r\nX: y\r\nZ:\r\n\r\n", "hello"},
    {"4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"},
};

Test(http_chunk, decodes_a_body_however_it_is_cut) {
    struct guard guard;
    guard_init(&guard, GUARD_SIZE);
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        struct bytes text = bytes_from_string(accepted[i].text);
        for (size_t step = 1; step <= text.size; step++) {
            struct decoded decoded = decode(&guard, text, step);
            cr_assert_eq(decoded.parsed, HTTP_PARSE_OK, "%s", text.data);
            cr_assert_eq(decoded.consumed, text.size, "%s", text.data);
            cr_assert(bytes_equal_string(bytes_of(decoded.body, decoded.body_size), accepted[i].body), "%s",
                      text.data);
        }
        for (size_t cut = 0; cut < text.size; cut++) {
            cr_assert_eq(decode(&guard, bytes_of(text.data, cut), cut).parsed, HTTP_PARSE_MORE, "%zu of %s",
                         cut, text.data);
        }
    }
    guard_deinit(&guard);
}

static const char *const refused[] = {
    "\r\n",
    "g\r\n",
    "-5\r\nhello\r\n",
    "+5\r\nhello\r\n",
    "0x5\r\nhello\r\n",
    " 5\r\nhello\r\n",
    "5 \r\nhello\r\n",
    "5\t\r\nhello\r\n",
    "5\nhello\n",
    "5\rhello\r",
    "5\r\rhello\r",
    "10000000000000000\r\n",
    "fffffffffffffffff\r\n",
    "5;\r\nhello\r\n",
    "5;=\r\nhello\r\n",
    "5;a=\r\nhello\r\n",
    "5;a=\"b\r\nhello\r\n",
    "5;a=\"b\\\r\nhello\r\n",
    "5;a b\r\nhello\r\n",
    "5;a \r\nhello\r\n",
    "5;a\x01\r\nhello\r\n",
    "5;a=\"\n\"\r\nhello\r\n",
    "5,a\r\nhello\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\r\nhello\r0\r\n\r\n",
    "5\r\nhelloX\r\n0\r\n\r\n",
    "0\r\n\n",
    "0\r\nX\r\n\r\n",
    "0\r\n: a\r\n\r\n",
    "0\r\n a: b\r\n\r\n",
    "0\r\nX : y\r\n\r\n",
    "0\r\nX: y\n\r\n",
    "0\r\nX: \x7f\r\n\r\n",
};

Test(http_chunk, refuses_every_other_spelling_however_it_is_cut) {
    struct guard guard;
    guard_init(&guard, GUARD_SIZE);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct bytes text = bytes_from_string(refused[i]);
        for (size_t step = 1; step <= text.size; step++) {
            struct decoded decoded = decode(&guard, text, step);
            cr_assert_eq(decoded.parsed, HTTP_PARSE_BAD, "%s in steps of %zu", refused[i], step);
            cr_assert_eq(decoded.status, 400, "%s", refused[i]);
        }
    }
    guard_deinit(&guard);
}

static char big[GUARD_SIZE];

Test(http_chunk, may_have_a_line_of_256_bytes_and_no_byte_more) {
    struct guard guard;
    guard_init(&guard, GUARD_SIZE);
    for (size_t size = HTTP_CHUNK_LINE_SIZE_MAX; size <= HTTP_CHUNK_LINE_SIZE_MAX + 1; size++) {
        memset(big, 'a', size);
        memcpy(big, "0;", 2);
        memcpy(big + size - 2, "\r\n\r\n", 4);
        bool good = size == HTTP_CHUNK_LINE_SIZE_MAX;
        for (size_t step = 1; step <= size + 2; step += 100) {
            struct decoded decoded = decode(&guard, bytes_of(big, size + 2), step);
            cr_assert_eq(decoded.parsed, good ? HTTP_PARSE_OK : HTTP_PARSE_BAD, "%zu", size);
        }
    }
    guard_deinit(&guard);
}

Test(http_chunk, may_have_as_many_trailers_as_a_head_has_fields) {
    struct guard guard;
    guard_init(&guard, GUARD_SIZE);
    for (unsigned count = HTTP_HEAD_FIELDS_MAX; count <= HTTP_HEAD_FIELDS_MAX + 1; count++) {
        size_t size = (size_t)snprintf(big, sizeof(big), "0\r\n");
        for (unsigned i = 0; i < count; i++) {
            size += (size_t)snprintf(big + size, sizeof(big) - size, "X: %u\r\n", i);
        }
        size += (size_t)snprintf(big + size, sizeof(big) - size, "\r\n");
        struct decoded decoded = decode(&guard, bytes_of(big, size), size);
        cr_assert_eq(decoded.parsed, count == HTTP_HEAD_FIELDS_MAX ? HTTP_PARSE_OK : HTTP_PARSE_BAD);
        cr_assert(decoded.parsed == HTTP_PARSE_OK || decoded.status == 431);
    }
    guard_deinit(&guard);
}

Test(http_chunk, may_have_16_kib_of_trailers_and_no_byte_more) {
    struct guard guard;
    guard_init(&guard, GUARD_SIZE);
    /* The last line's CRLF is within the bound, as a head's is. */
    for (size_t size = HTTP_HEAD_SIZE_MAX; size <= HTTP_HEAD_SIZE_MAX + 1; size++) {
        memset(big, 'a', sizeof(big));
        memcpy(big, "0\r\nX:", 5);
        memcpy(big + 3 + size - 4, "\r\n\r\n", 4);
        struct decoded decoded = decode(&guard, bytes_of(big, 3 + size), 3 + size);
        cr_assert_eq(decoded.parsed, size == HTTP_HEAD_SIZE_MAX ? HTTP_PARSE_OK : HTTP_PARSE_BAD, "%zu",
                     size);
        cr_assert(decoded.parsed == HTTP_PARSE_OK || decoded.status == 431);
    }
    guard_deinit(&guard);
}
