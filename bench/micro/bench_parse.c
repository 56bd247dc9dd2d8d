/* SPDX-License-Identifier: MIT
 *
 * bench_parse: reading one command line, classic and meta.
 *
 * The input is many pipelined requests with keys of different lengths, read one after the other from a buffer
 * of some 32 KiB, as a receive buffer holds them.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "groups.h"
#include "parse_meta.h"
#include "riposte/random.h"

enum {
    INPUT_SIZE = 32 * 1024, /* bytes, whole requests only */
    REQUEST_SIZE_MAX = 512,
    KEYS_OF_A_LINE = 10,
};

/* A kind of request: how it is written, and how it is read. */
struct request_kind {
    const char *name;

    /* Writes a whole request with this key, without its data block; returns its size. */
    int (*write)(char *at, size_t size, const char *key);

    /* Reads the request at the front of the input: the bytes of its line. */
    size_t (*parse)(struct bytes input);
};

struct parse_input {
    const struct request_kind *kind;
    size_t size;
    char text[INPUT_SIZE];
};

static int write_get(char *at, size_t size, const char *key) {
    return snprintf(at, size, "get %s\r\n", key);
}

static int write_keys(char *at, size_t size, const char *key) {
    int written = snprintf(at, size, "get");
    for (int i = 0; i < KEYS_OF_A_LINE; i++) {
        written += snprintf(at + written, size - (size_t)written, " %s", key);
    }
    return written + snprintf(at + written, size - (size_t)written, "\r\n");
}

static int write_set(char *at, size_t size, const char *key) {
    return snprintf(at, size, "set %s 0 3600 32\r\n", key);
}

static int write_meta_get(char *at, size_t size, const char *key) {
    return snprintf(at, size, "mg %s v\r\n", key);
}

static int write_meta_get_flags(char *at, size_t size, const char *key) {
    return snprintf(at, size, "mg %s s v t f c k q O1234\r\n", key);
}

static int write_meta_set(char *at, size_t size, const char *key) {
    return snprintf(at, size, "ms %s 32 T3600 F1 c\r\n", key);
}

static size_t parse_get(struct bytes input) {
    struct bytes key;
    return mc_parse_get(input, &key);
}

static size_t parse_line(struct bytes input) {
    struct mc_request request;
    enum parse_status status = mc_parse_line(input, 0, &request);
    assert(status == PARSE_OK);
    return request.line_size;
}

static size_t parse_meta_line(struct bytes input) {
    struct mc_request request;
    struct meta meta;
    enum parse_status status = mc_parse_line(input, 0, &request);
    assert(status == PARSE_OK);
    status = mc_parse_meta(request.command->shape, request.arguments, &meta);
    assert(status == PARSE_OK);
    return request.line_size + meta.key.size - meta.key_text.size; /* plain keys: the line's size */
}

static const struct request_kind kinds[] = {
    {"get, the quick way (mc_parse_get)", write_get, parse_get},
    {"get (mc_parse_line)", write_get, parse_line},
    {"get of 10 keys (mc_parse_line)", write_keys, parse_line},
    {"set (mc_parse_line)", write_set, parse_line},
    {"mg with v (mc_parse_line, mc_parse_meta)", write_meta_get, parse_meta_line},
    {"mg with 8 flags (mc_parse_line, mc_parse_meta)", write_meta_get_flags, parse_meta_line},
    {"ms with 3 flags (mc_parse_line, mc_parse_meta)", write_meta_set, parse_meta_line},
};

static void input_fill(struct parse_input *input) {
    struct random random = {.state = 1};
    while (INPUT_SIZE - input->size >= REQUEST_SIZE_MAX) {
        char key[64];
        snprintf(key, sizeof(key), "user:%.*s%" PRIu64, (int)random_below(&random, 16), "0123456789abcdef",
                 random_below(&random, 1000000));
        input->size += (size_t)input->kind->write(input->text + input->size, INPUT_SIZE - input->size, key);
    }
}

static void *parse_begin(void *user, unsigned thread_index) {
    (void)thread_index;
    struct parse_input *input = calloc(1, sizeof(*input));
    if (input == NULL) {
        stopwatch_give_up("no memory");
    }
    input->kind = user;
    input_fill(input);
    return input;
}

static uint64_t parse_run(void *state, uint64_t count) {
    const struct parse_input *input = state;
    const struct bytes whole = bytes_of(input->text, input->size);
    struct bytes unread = whole;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        size_t size = input->kind->parse(unread);
        assert(size > 0 && size <= unread.size);
        unread = size < unread.size ? bytes_of(unread.data + size, unread.size - size) : whole;
        sum += size;
    }
    return sum;
}

void bench_parse(const struct stopwatch *stopwatch) {
    stopwatch_head("parse: one command line");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char name[96];
        snprintf(name, sizeof(name), "parse %s", kinds[i].name);
        stopwatch_measure(stopwatch, &(struct subject){.name = name,
                                                       .threads = 1,
                                                       .user = (void *)&kinds[i],
                                                       .begin = parse_begin,
                                                       .run = parse_run,
                                                       .end = free});
    }
}
