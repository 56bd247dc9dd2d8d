/* SPDX-License-Identifier: MIT
 *
 * Streams of replies, cut at every byte, right and wrong.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "reader.h"

enum { STREAM_SIZE_MAX = 65536, REPLIES_MAX = 16 };

static struct workload workload;
static struct encoder encoder;
static struct checker checker;
static struct reader reader;
static struct guard guard;
static char stream[STREAM_SIZE_MAX];
static size_t stream_size;

static void make(enum protocol_kind kind, const char *sizes_text, const char *path) {
    struct value_sizes sizes;
    struct encoder_names names = {.host = "h", .path = path, .meta_flags = "v"};
    cr_assert(value_sizes_parse(bytes_from_string(sizes_text), &sizes));
    cr_assert(values_init(&workload.values, &sizes));
    cr_assert_eq(keys_init(&workload.keys, bytes_from_string("key:"), 16, 1000000), KEYS_OK);
    uint64_t size = sizes.size_min == sizes.size_max ? sizes.size_min : ENCODER_SIZES_DIFFER;
    cr_assert(encoder_init(&encoder, protocol_of(kind), &workload.keys, &names, size));
    checker = (struct checker){.protocol = protocol_of(kind), .workload = &workload, .encoder = &encoder};
    guard_init(&guard, STREAM_SIZE_MAX);
    stream_size = 0;
}

static void unmake(void) {
    guard_deinit(&guard);
    reader_deinit(&reader);
    checker_deinit(&checker);
    encoder_deinit(&encoder);
    values_deinit(&workload.values);
}

static void add_text(const char *text) {
    size_t size = strlen(text);
    memcpy(stream + stream_size, text, size);
    stream_size += size;
}

/* A memcached VALUE with the right value of `key`. */
static void add_value(const char *head_format, uint32_t key, const char *tail) {
    char name[KEY_SIZE_MAX + 1] = {0};
    struct value value = value_of(&workload.values, key);
    key_write(&workload.keys, key, name);
    if (strstr(head_format, "%s") != NULL) {
        stream_size += (size_t)snprintf(stream + stream_size, STREAM_SIZE_MAX - stream_size, head_format,
                                        name, value.size);
    } else {
        stream_size +=
            (size_t)snprintf(stream + stream_size, STREAM_SIZE_MAX - stream_size, head_format, value.size);
    }
    value_copy(&value, stream + stream_size);
    stream_size += value.size;
    add_text(tail);
}

static struct request get(uint32_t key) {
    return (struct request){.key = key, .kind = REQUEST_GET};
}

static struct request set(uint32_t key) {
    return (struct request){.key = key, .kind = REQUEST_SET};
}

/*
 * Reads stream[from .. to), at the guard page, for requests[*answered ...]; the outcomes of replies that
 * become complete.
 */
static enum reader_status read_part(size_t from, size_t to, const struct request *requests,
                                    enum outcome *outcomes, unsigned *answered) {
    struct bytes input = guard_copy(&guard, bytes_of(stream + from, to - from));
    while (input.size > 0) {
        cr_assert(*answered < REPLIES_MAX);
        enum reader_status status =
            reader_next(&reader, &checker, requests[*answered], &input, &outcomes[*answered]);
        if (status == READER_BROKEN) {
            return status;
        }
        *answered += status == READER_REPLY;
    }
    return READER_MORE;
}

/*
 * Reads the stream whole, then in two parts cut at every byte, then byte by byte; each time the same must
 * come out.
 */
static void expect_outcomes(const struct request *requests, const enum outcome *expected, unsigned count) {
    for (size_t cut = 0; cut <= stream_size; cut++) {
        enum outcome outcomes[REPLIES_MAX];
        unsigned answered = 0;
        reader_reset(&reader);
        cr_assert_eq(read_part(0, cut, requests, outcomes, &answered), READER_MORE, "cut at %zu", cut);
        cr_assert_eq(read_part(cut, stream_size, requests, outcomes, &answered), READER_MORE, "cut at %zu",
                     cut);
        cr_assert_eq(answered, count, "cut at %zu: %u replies", cut, answered);
        cr_assert(reader_is_between(&reader));
        for (unsigned i = 0; i < count; i++) {
            cr_assert_eq(outcomes[i], expected[i], "cut at %zu, reply %u: %s", cut, i,
                         outcome_name(outcomes[i]));
        }
    }
    enum outcome outcomes[REPLIES_MAX];
    unsigned answered = 0;
    reader_reset(&reader);
    for (size_t at = 0; at < stream_size; at++) {
        cr_assert_eq(read_part(at, at + 1, requests, outcomes, &answered), READER_MORE);
    }
    cr_assert_eq(answered, count);
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(outcomes[i], expected[i]);
    }
}

Test(reader, reads_a_pipeline_of_memcached_replies_cut_anywhere) {
    make(PROTOCOL_MEMCACHED, "32", "/");
    add_value("VALUE %s 0 %zu\r\n", 7, "\r\nEND\r\n");
    add_text("END\r\n");
    add_text("STORED\r\n");
    add_value("VALUE %s 0 %zu\r\n", 123456, "\r\nEND\r\n");
    add_text("SERVER_ERROR out of memory storing object\r\n");
    const struct request requests[REPLIES_MAX] = {get(7), get(8), set(9), get(123456), set(1)};
    const enum outcome expected[] = {OUTCOME_HIT, OUTCOME_MISS, OUTCOME_STORED, OUTCOME_HIT, OUTCOME_ERROR};
    expect_outcomes(requests, expected, 5);
    cr_expect_str_eq(checker.error_line, "SERVER_ERROR out of memory storing object");
    unmake();
}

Test(reader, reads_values_of_many_sizes_cut_anywhere) {
    make(PROTOCOL_MEMCACHED, "0-40", "/");
    struct request requests[REPLIES_MAX];
    enum outcome expected[REPLIES_MAX];
    for (uint32_t i = 0; i < REPLIES_MAX; i++) {
        requests[i] = get(i);
        expected[i] = OUTCOME_HIT;
        if (i < REPLIES_MAX - 1) {
            add_value("VALUE %s 0 %zu\r\n", i, "\r\nEND\r\n");
        }
    }
    expect_outcomes(requests, expected, REPLIES_MAX - 1);
    unmake();
}

Test(reader, reads_meta_and_resp_cut_anywhere) {
    const enum outcome expected[] = {OUTCOME_HIT, OUTCOME_MISS, OUTCOME_STORED, OUTCOME_HIT};
    const struct request requests[REPLIES_MAX] = {get(7), get(8), set(9), get(10)};
    make(PROTOCOL_META, "100", "/");
    add_value("VA %zu\r\n", 7, "\r\n");
    add_text("EN\r\nHD\r\n");
    add_value("VA %zu\r\n", 10, "\r\n");
    expect_outcomes(requests, expected, 4);
    unmake();
    make(PROTOCOL_RESP, "100", "/");
    add_value("$%zu\r\n", 7, "\r\n");
    add_text("$-1\r\n+OK\r\n");
    add_value("$%zu\r\n", 10, "\r\n");
    expect_outcomes(requests, expected, 4);
    unmake();
}

Test(reader, reads_the_meta_no_op_cut_anywhere) {
    make(PROTOCOL_NOOP, "0", "/");
    checker.reference.is_needed = true; /* of no bytes, as after learning */
    add_text("MN\r\nMN\r\nSERVER_ERROR busy\r\nMN\r\n");
    const struct request requests[REPLIES_MAX] = {get(1), get(2), get(3), get(4)};
    const enum outcome expected[] = {OUTCOME_HIT, OUTCOME_HIT, OUTCOME_ERROR, OUTCOME_HIT};
    expect_outcomes(requests, expected, 4);
    unmake();
}

Test(reader, reads_http_with_keys_cut_anywhere) {
    make(PROTOCOL_HTTP, "50", "/{key}");
    add_value("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", 7, "");
    add_text("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope");
    add_text("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    add_text("HTTP/1.1 500 Broken\r\nContent-Length: 2\r\n\r\n:(");
    const struct request requests[REPLIES_MAX] = {get(7), get(8), set(9), get(10)};
    const enum outcome expected[] = {OUTCOME_HIT, OUTCOME_MISS, OUTCOME_STORED, OUTCOME_ERROR};
    expect_outcomes(requests, expected, 4);
    unmake();
}

Test(reader, learns_the_first_body_of_a_fixed_path_and_compares_the_others) {
    make(PROTOCOL_HTTP, "50", "/");
    checker.reference.is_needed = true;
    checker.reference.learning = true;
    struct request requests[REPLIES_MAX] = {get(0)};
    enum outcome outcomes[REPLIES_MAX];
    unsigned answered = 0;
    add_text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    for (size_t at = 0; at < stream_size; at++) {
        cr_assert_eq(read_part(at, at + 1, requests, outcomes, &answered), READER_MORE);
    }
    cr_assert_eq(answered, 1);
    checker.reference.learning = false;
    stream_size = 0;
    add_text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    add_text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhallo");
    add_text("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell");
    const enum outcome expected[] = {OUTCOME_HIT, OUTCOME_WRONG_VALUE, OUTCOME_WRONG_LENGTH};
    expect_outcomes(requests, expected, 3);
    unmake();
}

Test(reader, tells_each_way_of_being_wrong) {
    make(PROTOCOL_MEMCACHED, "32", "/");
    add_value("VALUE %s 0 %zu\r\n", 1, "\r\nEND\r\n"); /* asked for key 2 */
    add_text("VALUE key:000000000003 0 4\r\nabcd\r\nEND\r\n");
    add_value("VALUE %s 0 %zu\r\n", 4, "\r\nEND\r\n");
    stream[stream_size - 10] ^= 1; /* the last byte but two of the value */
    add_text("STORED\r\n");        /* asked for a get */
    add_text("END\r\n");           /* asked for a set */
    add_value("VALUE %s 0 %zu\r\n", 7, "\r\nEND\r\n");
    const struct request requests[REPLIES_MAX] = {get(2), get(3), get(4), get(5), set(6), get(7)};
    const enum outcome expected[] = {OUTCOME_WRONG_KEY,  OUTCOME_WRONG_LENGTH, OUTCOME_WRONG_VALUE,
                                     OUTCOME_WRONG_KIND, OUTCOME_WRONG_KIND,   OUTCOME_HIT};
    expect_outcomes(requests, expected, 6);
    unmake();
}

Test(reader, notices_the_value_of_another_key_where_replies_name_none) {
    make(PROTOCOL_RESP, "32", "/");
    add_value("$%zu\r\n", 1, "\r\n");
    const struct request requests[REPLIES_MAX] = {get(2)};
    const enum outcome expected[] = {OUTCOME_WRONG_VALUE};
    expect_outcomes(requests, expected, 1);
    unmake();
}

Test(reader, checks_only_lengths_when_told_so) {
    make(PROTOCOL_MEMCACHED, "32", "/");
    checker.level = CHECK_LENGTH;
    add_value("VALUE %s 0 %zu\r\n", 4, "\r\nEND\r\n");
    stream[stream_size - 10] ^= 1;
    add_text("VALUE key:000000000003 0 4\r\nabcd\r\nEND\r\n");
    const struct request requests[REPLIES_MAX] = {get(4), get(3)};
    const enum outcome expected[] = {OUTCOME_HIT, OUTCOME_WRONG_LENGTH};
    expect_outcomes(requests, expected, 2);
    checker.level = CHECK_NONE;
    const enum outcome expected_none[] = {OUTCOME_HIT, OUTCOME_HIT};
    expect_outcomes(requests, expected_none, 2);
    unmake();
}

/* Whatever the cut, the stream must be found broken. */
static void expect_broken(struct request request) {
    const struct request requests[REPLIES_MAX] = {request, request};
    for (size_t cut = 0; cut <= stream_size; cut++) {
        enum outcome outcomes[REPLIES_MAX];
        unsigned answered = 0;
        reader_reset(&reader);
        enum reader_status status = read_part(0, cut, requests, outcomes, &answered);
        if (status != READER_BROKEN) {
            status = read_part(cut, stream_size, requests, outcomes, &answered);
        }
        cr_assert_eq(status, READER_BROKEN, "cut at %zu", cut);
        cr_assert_not_null(reader.reason);
    }
}

Test(reader, finds_a_value_shorter_than_announced) {
    make(PROTOCOL_MEMCACHED, "32", "/");
    add_text("VALUE key:000000000001 0 32\r\nonly twenty bytes...\r\nEND\r\nEND\r\nEND\r\nEND\r\n");
    expect_broken(get(1));
    unmake();
}

Test(reader, finds_a_value_longer_than_announced) {
    make(PROTOCOL_MEMCACHED, "32", "/");
    add_text("VALUE key:000000000001 0 4\r\nabcde\r\nEND\r\n");
    expect_broken(get(1));
    unmake();
}

Test(reader, finds_garbage) {
    make(PROTOCOL_MEMCACHED, "32", "/");
    add_text("-ERR unknown command\r\n");
    expect_broken(get(1));
    unmake();
}

Test(reader, finds_what_is_no_answer_to_the_meta_no_op) {
    make(PROTOCOL_NOOP, "0", "/");
    checker.reference.is_needed = true;
    add_text("MN\r\nMM\r\n");
    expect_broken(get(1));
    unmake();
}

Test(reader, gives_up_a_head_without_an_end) {
    make(PROTOCOL_HTTP, "32", "/{key}");
    add_text("HTTP/1.1 200 OK\r\n");
    while (stream_size < REPLY_HEAD_SIZE_MAX + 100) {
        add_text("name: value\r\n");
    }
    const struct request requests[REPLIES_MAX] = {get(1)};
    enum outcome outcomes[REPLIES_MAX];
    unsigned answered = 0;
    enum reader_status status = READER_MORE;
    for (size_t at = 0; at < stream_size && status == READER_MORE; at += 100) {
        size_t end = at + 100 < stream_size ? at + 100 : stream_size;
        status = read_part(at, end, requests, outcomes, &answered);
    }
    cr_expect_eq(status, READER_BROKEN);
    unmake();
}
