/* SPDX-License-Identifier: MIT
 *
 * Requests byte for byte, and the replies that are foretold for them.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoder.h"

static struct keys keys;
static struct encoder encoder;
static char written[4096 + TEMPLATE_SLACK];

static void make(enum protocol_kind kind, uint64_t value_size, const char *path, const char *meta_flags) {
    struct encoder_names names = {.host = "127.0.0.1:80", .path = path, .meta_flags = meta_flags};
    cr_assert_eq(keys_init(&keys, bytes_from_string("key:"), 16, 1000000), KEYS_OK);
    cr_assert(encoder_init(&encoder, protocol_of(kind), &keys, &names, value_size));
}

static void expect_get(uint32_t key, const char *expected) {
    size_t size = encoder_get(&encoder, key, written);
    cr_expect(bytes_equal_string(bytes_of(written, size), expected), "%.*s", (int)size, written);
    cr_expect(size <= encoder_size_max(&encoder));
}

static void expect_set_head(uint32_t key, uint64_t value_size, const char *expected) {
    size_t size = encoder_set_head(&encoder, key, value_size, written);
    cr_expect(bytes_equal_string(bytes_of(written, size), expected), "%.*s", (int)size, written);
    cr_expect(size + encoder.set_end.size <= encoder_size_max(&encoder));
}

Test(encoder, writes_memcached_text) {
    make(PROTOCOL_MEMCACHED, 32, "/", "v");
    expect_get(42, "get key:000000000042\r\n");
    expect_set_head(999999, 32, "set key:000000999999 0 0 32\r\n");
    cr_expect(bytes_equal_string(encoder.set_end, "\r\n"));
    encoder_deinit(&encoder);
}

Test(encoder, writes_memcached_meta) {
    make(PROTOCOL_META, 32, "/", "v k f");
    expect_get(42, "mg key:000000000042 v k f\r\n");
    expect_set_head(42, 32, "ms key:000000000042 32\r\n");
    encoder_deinit(&encoder);
}

Test(encoder, writes_the_meta_no_op_without_a_key) {
    make(PROTOCOL_NOOP, 0, "/", "v");
    expect_get(42, "mn\r\n");
    cr_expect_eq(encoder.stored.size, 0);
    encoder_deinit(&encoder);
}

Test(encoder, writes_resp) {
    make(PROTOCOL_RESP, 32, "/", "v");
    expect_get(42, "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000042\r\n");
    expect_set_head(42, 32, "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000042\r\n$32\r\n");
    encoder_deinit(&encoder);
}

Test(encoder, writes_http_with_the_key_in_the_path) {
    make(PROTOCOL_HTTP, 5, "/store/{key}?x", "v");
    expect_get(42, "GET /store/key:000000000042?x HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n");
    expect_set_head(
        42, 5, "PUT /store/key:000000000042?x HTTP/1.1\r\nHost: 127.0.0.1:80\r\nContent-Length: 5\r\n\r\n");
    cr_expect_eq(encoder.set_end.size, 0);
    encoder_deinit(&encoder);
}

Test(encoder, writes_http_with_one_path_for_all) {
    make(PROTOCOL_HTTP, 5, "/logo.png", "v");
    expect_get(42, "GET /logo.png HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n");
    encoder_deinit(&encoder);
}

Test(encoder, writes_the_size_of_each_value_when_sizes_differ) {
    make(PROTOCOL_RESP, ENCODER_SIZES_DIFFER, "/", "v");
    expect_set_head(42, 7, "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000042\r\n$7\r\n");
    expect_set_head(43, 1048576, "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000043\r\n$1048576\r\n");
    cr_expect_eq(encoder.hit.size, 0, "no head of a hit can be foretold");
    encoder_deinit(&encoder);
}

Test(encoder, patches_the_right_key_after_a_larger_one) {
    make(PROTOCOL_MEMCACHED, 32, "/", "v");
    expect_get(999999, "get key:000000999999\r\n");
    expect_get(1, "get key:000000000001\r\n");
    encoder_deinit(&encoder);
}

/* The protocol's own parser must take the foretold head for what it is. */
static void expect_hit_is_parsed(enum protocol_kind kind) {
    struct reply_head head;
    make(kind, 32, "/", "v");
    size_t size = template_write(&encoder.hit, &keys, 77, written);
    cr_assert_eq(protocol_of(kind)->parse(bytes_of(written, size), REQUEST_GET, &head), REPLY_READ);
    cr_expect_eq(head.kind, REPLY_VALUE);
    cr_expect_eq(head.head_size, size);
    cr_expect_eq(head.body_size, 32);
    cr_expect(bytes_equal(head.tail, encoder.hit_tail));
    cr_assert_eq(protocol_of(kind)->parse(encoder.stored, REQUEST_SET, &head), REPLY_READ);
    cr_expect_eq(head.kind, REPLY_STORED);
    cr_expect_eq(head.head_size, encoder.stored.size);
    encoder_deinit(&encoder);
}

Test(encoder, foretells_what_the_parsers_read) {
    expect_hit_is_parsed(PROTOCOL_MEMCACHED);
    expect_hit_is_parsed(PROTOCOL_META);
    expect_hit_is_parsed(PROTOCOL_RESP);
}

Test(encoder, foretells_the_answer_to_the_meta_no_op) {
    struct reply_head head;
    make(PROTOCOL_NOOP, 0, "/", "v");
    size_t size = template_write(&encoder.hit, &keys, 77, written);
    cr_assert_eq(protocol_noop.parse(bytes_of(written, size), REQUEST_GET, &head), REPLY_READ);
    cr_expect_eq(head.kind, REPLY_VALUE);
    cr_expect_eq(head.head_size, size);
    cr_expect_eq(head.body_size, encoder.value_size);
    cr_expect(bytes_equal(head.tail, encoder.hit_tail));
    encoder_deinit(&encoder);
}

Test(encoder, foretells_nothing_for_meta_flags_of_ones_own) {
    make(PROTOCOL_META, 32, "/", "v t");
    cr_expect_eq(encoder.hit.size, 0);
    encoder_deinit(&encoder);
}
