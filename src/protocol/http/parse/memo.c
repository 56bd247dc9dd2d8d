/* SPDX-License-Identifier: MIT
 *
 * memo: compares the rest of a head with the one before; reads and remembers it where they differ.
 */
#include "memo.h"

#include <string.h>

#include "riposte/check.h"

enum { REST_STEP = 16 /* bytes that are compared at a time; shorter rests are not remembered */ };

/* 0 exactly when the next step's bytes are the same. */
static inline uint64_t step_difference(const char *one, const char *other) {
    uint64_t words[2], other_words[2];
    memcpy(words, one, REST_STEP);
    memcpy(other_words, other, REST_STEP);
    return (words[0] ^ other_words[0]) | (words[1] ^ other_words[1]);
}

/*
 * Takes as long wherever they differ, unlike memcmp: the head before may be another client's, with its token in it, and nobody
 * may find that out by asking a byte at a time. The last step overlaps the one before.
 */
static inline bool rest_is_same(const char *one, const char *other, size_t size) {
    size_t last = size - REST_STEP;
    uint64_t difference = step_difference(one + last, other + last);
    for (size_t at = 0; at < last; at += REST_STEP) {
        difference |= step_difference(one + at, other + at);
    }
    return difference == 0;
}

/* The head that begins with `start` bytes up to its target ends as the one before. 0 is the start of none. */
static inline bool memo_has_rest(const struct http_memo *memo, struct bytes input, size_t start) {
    size_t size = start + memo->rest_size;
    return start != 0 && memo->rest_size != 0 && size <= input.size && size <= HTTP_HEAD_SIZE_MAX &&
           rest_is_same(input.data + start, memo->rest, memo->rest_size);
}

/* The fields of the head are slices of the copy from now on. */
static void memo_keep(struct http_memo *memo, struct bytes input) {
    struct http_head *head = &memo->head;
    const char *rest = head->target.data + head->target.size + 1;
    size_t size = head->size - (size_t)(rest - input.data);
    if (size < REST_STEP || size > sizeof(memo->rest)) {
        return;
    }
    memcpy(memo->rest, rest, size);
    memo->rest_size = size;
    for (unsigned i = 0; i < head->fields_count; i++) {
        struct bytes *value = &head->fields[i].value;
        value->data = memo->rest + (value->data - rest);
    }
}

static void memo_message(struct http_memo *memo, struct bytes input) {
    struct bytes host = http_head_find(&memo->head, HTTP_HOST);
    bool host_is_valid = http_host_check(&memo->host, host, &memo->host_is_loopback);
    memo->message_is_good = http_message_read(&memo->head, host_is_valid, &memo->message) == HTTP_PARSE_OK;
    if (memo->message_is_good) {
        memo_keep(memo, input);
    }
}

enum http_parse http_memo_read(struct http_memo *memo, struct bytes input) {
    size_t start = http_head_start(input, &memo->head);
    if (likely(memo_has_rest(memo, input, start))) {
        memo->head.size = start + memo->rest_size;
        return HTTP_PARSE_OK;
    }
    memo->rest_size = 0; /* the head is another one from here on */
    enum http_parse parsed = http_head_parse(input, &memo->head);
    if (parsed == HTTP_PARSE_OK) {
        memo_message(memo, input);
    }
    return parsed;
}
