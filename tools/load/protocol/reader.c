/* SPDX-License-Identifier: MIT
 *
 * reader: cuts replies from what comes and holds each against the request it answers.
 */
#include "reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "riposte/check.h"

/* Heads longer than this are parsed, however usual they are. */
enum { FORETOLD_HEAD_SIZE_MAX = 320 };

void reader_deinit(struct reader *reader) {
    free(reader->held);
    *reader = (struct reader){0};
}

void reader_reset(struct reader *reader) {
    char *held = reader->held;
    *reader = (struct reader){.held = held};
}

bool reader_is_between(const struct reader *reader) {
    return reader->state == READER_HEAD && reader->held_size == 0;
}

void checker_deinit(struct checker *checker) {
    free(checker->reference.body);
    checker->reference = (struct reference){0};
}

static void input_consume(struct bytes *input, size_t size) {
    assert(size <= input->size);
    *input = bytes_of(input->data + size, input->size - size);
}

static bool key_is_right(const struct keys *keys, uint32_t key, struct bytes found) {
    char expected[KEY_SIZE_MAX];
    if (found.size != keys->size) {
        return false;
    }
    key_write(keys, key, expected);
    return memcmp(expected, found.data, keys->size) == 0;
}

/* A value was found: what its head says of key and size. */
static enum outcome value_head_check(struct reader *reader, struct checker *checker, uint32_t key) {
    if (checker->level == CHECK_NONE) {
        return OUTCOME_HIT;
    }
    if (checker->reference.is_needed) {
        struct reference *reference = &checker->reference;
        reference->size = reference->learning ? reader->head.body_size : reference->size;
        return reader->head.body_size == reference->size ? OUTCOME_HIT : OUTCOME_WRONG_LENGTH;
    }
    const struct workload *workload = checker->workload;
    if (reader->head.has_key && !key_is_right(&workload->keys, key, reader->head.key)) {
        return OUTCOME_WRONG_KEY;
    }
    reader->value = value_of(&workload->values, key);
    return reader->head.body_size == reader->value.size ? OUTCOME_HIT : OUTCOME_WRONG_LENGTH;
}

static enum outcome head_check(struct reader *reader, struct checker *checker, struct request request) {
    switch (reader->head.kind) {
    case REPLY_VALUE:
        return request.kind == REQUEST_GET ? value_head_check(reader, checker, request.key)
                                           : OUTCOME_WRONG_KIND;
    case REPLY_MISS:
        return request.kind == REQUEST_GET ? OUTCOME_MISS : OUTCOME_WRONG_KIND;
    case REPLY_STORED:
        return request.kind == REQUEST_SET ? OUTCOME_STORED : OUTCOME_WRONG_KIND;
    case REPLY_ERROR:
        return OUTCOME_ERROR;
    }
    abort(); /* not reached: every kind is named above */
}

/* Keeps the words of the first refusal for the report, with what is not printable as a dot. */
static void __attribute__((cold)) error_line_keep(struct checker *checker, struct bytes line) {
    if (checker->error_line[0] != '\0') {
        return;
    }
    size_t size = line.size < CHECKER_LINE_SIZE_MAX - 1 ? line.size : CHECKER_LINE_SIZE_MAX - 1;
    for (size_t i = 0; i < size; i++) {
        checker->error_line[i] = line.data[i] >= ' ' && line.data[i] <= '~' ? line.data[i] : '.';
    }
    checker->error_line[size] = '\0';
}

static void head_done(struct reader *reader, struct checker *checker, struct request request) {
    reader->outcome = head_check(reader, checker, request);
    if (unlikely(reader->outcome == OUTCOME_ERROR)) {
        error_line_keep(checker, reader->head.line);
    }
    reader->state = READER_BODY;
    reader->body_done = 0;
    reader->tail_done = 0;
}

/* A head that began in an earlier input: bytes are added to what is held until it is complete. */
static enum reply_status head_read_held(struct reader *reader, struct checker *checker,
                                        struct request request, struct bytes *input) {
    size_t held_before = reader->held_size;
    size_t room = REPLY_HEAD_SIZE_MAX - held_before;
    size_t taken = input->size < room ? input->size : room;
    memcpy(reader->held + held_before, input->data, taken);
    struct bytes all = bytes_of(reader->held, held_before + taken);
    enum reply_status status = checker->protocol->parse(all, request.kind, &reader->head);
    if (status == REPLY_MORE) {
        reader->held_size += taken;
        input_consume(input, taken);
        return reader->held_size < REPLY_HEAD_SIZE_MAX ? REPLY_MORE : REPLY_BAD;
    }
    if (status == REPLY_READ) {
        assert(reader->head.head_size > held_before);
        head_done(reader, checker, request);
        reader->held_size = 0;
        input_consume(input, reader->head.head_size - held_before);
    }
    return status;
}

/* Keeps the beginning of a head for later. False: no memory, or longer than any head. */
static bool head_hold(struct reader *reader, struct bytes *input) {
    if (reader->held == NULL) {
        reader->held = malloc(REPLY_HEAD_SIZE_MAX);
    }
    if (reader->held == NULL || input->size >= REPLY_HEAD_SIZE_MAX) {
        reader->head.reason = "a head without an end";
        return false;
    }
    memcpy(reader->held, input->data, input->size);
    reader->held_size = input->size;
    input_consume(input, input->size);
    return true;
}

static enum reply_status head_read(struct reader *reader, struct checker *checker, struct request request,
                                   struct bytes *input) {
    if (unlikely(reader->held_size > 0)) {
        return head_read_held(reader, checker, request, input);
    }
    enum reply_status status = checker->protocol->parse(*input, request.kind, &reader->head);
    if (likely(status == REPLY_READ)) {
        head_done(reader, checker, request);
        input_consume(input, reader->head.head_size);
        return REPLY_READ;
    }
    if (status == REPLY_MORE && !head_hold(reader, input)) {
        return REPLY_BAD;
    }
    return status;
}

/* Keeps a piece of the first body. Without memory the length alone is compared. */
static void reference_learn(struct reference *reference, uint64_t position, struct bytes piece) {
    if (position >= REFERENCE_SIZE_MAX) {
        return;
    }
    size_t room = REFERENCE_SIZE_MAX - (size_t)position;
    size_t size = piece.size < room ? piece.size : room;
    char *body = realloc(reference->body, (size_t)position + size);
    if (body == NULL) {
        return;
    }
    memcpy(body + position, piece.data, size);
    reference->body = body;
    reference->held = (size_t)position + size;
}

static bool reference_matches(const struct reference *reference, uint64_t position, struct bytes piece) {
    if (position >= reference->held) {
        return true;
    }
    size_t comparable = reference->held - (size_t)position;
    return memcmp(reference->body + position, piece.data,
                  piece.size < comparable ? piece.size : comparable) == 0;
}

static bool piece_is_right(struct reader *reader, struct checker *checker, struct bytes piece) {
    if (likely(!checker->reference.is_needed)) {
        return value_matches(&reader->value, reader->body_done, piece);
    }
    if (checker->reference.learning) {
        reference_learn(&checker->reference, reader->body_done, piece);
        return true;
    }
    return reference_matches(&checker->reference, reader->body_done, piece);
}

static void body_read(struct reader *reader, struct checker *checker, struct bytes *input) {
    uint64_t left = reader->head.body_size - reader->body_done;
    struct bytes piece = bytes_of(input->data, input->size < left ? input->size : (size_t)left);
    if (piece.size > 0 && reader->outcome == OUTCOME_HIT && checker->level == CHECK_FULL &&
        !piece_is_right(reader, checker, piece)) {
        reader->outcome = OUTCOME_WRONG_VALUE;
    }
    reader->body_done += piece.size;
    input_consume(input, piece.size);
    if (reader->body_done == reader->head.body_size) {
        reader->state = READER_TAIL;
    }
}

/* False: something else stands where the tail must be: the body was shorter or longer than its head said. */
static bool tail_read(struct reader *reader, struct bytes *input) {
    size_t left = reader->head.tail.size - reader->tail_done;
    size_t size = input->size < left ? input->size : left;
    if (size > 0 && memcmp(input->data, reader->head.tail.data + reader->tail_done, size) != 0) {
        reader->reason =
            "the body is not followed by what ends a reply: shorter or longer than its head says";
        return false;
    }
    reader->tail_done += size;
    input_consume(input, size);
    if (reader->tail_done == reader->head.tail.size) {
        reader->state = READER_HEAD;
    }
    return true;
}

/*
 * Whether *input begins with `text`; moves *input behind it. Inlined: the usual texts are a few bytes long.
 */
static inline bool input_take(struct bytes *input, struct bytes text) {
    if (input->size < text.size || memcmp(input->data, text.data, text.size) != 0) {
        return false;
    }
    *input = bytes_of(input->data + text.size, input->size - text.size);
    return true;
}

/* The whole reply to a get that hits, as the encoder foretells it. */
static bool take_foretold_hit(const struct checker *checker, uint32_t key, struct bytes *input) {
    const struct encoder *encoder = checker->encoder;
    char head[FORETOLD_HEAD_SIZE_MAX + TEMPLATE_SLACK];
    size_t value_size = encoder->value_size;
    size_t head_size = encoder->hit.size;
    if (head_size == 0 || head_size > FORETOLD_HEAD_SIZE_MAX ||
        input->size < head_size + value_size + encoder->hit_tail.size) {
        return false;
    }
    struct bytes rest = *input;
    template_write(&encoder->hit, encoder->keys, key, head);
    if (!input_take(&rest, bytes_of(head, head_size))) {
        return false;
    }
    if (checker->level == CHECK_FULL) {
        struct value value = value_of(&checker->workload->values, key);
        if (!value_matches(&value, 0, bytes_of(rest.data, value_size))) {
            return false;
        }
    }
    rest = bytes_of(rest.data + value_size, rest.size - value_size);
    if (!input_take(&rest, encoder->hit_tail)) {
        return false;
    }
    *input = rest;
    return true;
}

/* The usual reply, whole and right: no parsing. False: it is cut, or another one; nothing is consumed. */
static bool take_foretold(const struct checker *checker, struct request request, struct bytes *input,
                          enum outcome *outcome) {
    if (request.kind == REQUEST_SET) {
        *outcome = OUTCOME_STORED;
        return checker->encoder->stored.size > 0 && input_take(input, checker->encoder->stored);
    }
    *outcome = OUTCOME_HIT;
    return take_foretold_hit(checker, request.key, input);
}

/* The rest of a reply whose head is known. */
static enum reader_status body_and_tail_read(struct reader *reader, struct checker *checker,
                                             struct bytes *input, enum outcome *outcome) {
    if (reader->state == READER_BODY) {
        body_read(reader, checker, input);
    }
    if (reader->state == READER_TAIL && !tail_read(reader, input)) {
        return READER_BROKEN;
    }
    *outcome = reader->outcome;
    return reader->state == READER_HEAD ? READER_REPLY : READER_MORE;
}

enum reader_status reader_next(struct reader *reader, struct checker *checker, struct request request,
                               struct bytes *input, enum outcome *outcome) {
    if (reader->state != READER_HEAD) {
        return body_and_tail_read(reader, checker, input, outcome);
    }
    if (likely(reader->held_size == 0 && take_foretold(checker, request, input, outcome))) {
        reader->head.closes = false;
        return READER_REPLY;
    }
    if (input->size == 0) {
        return READER_MORE;
    }
    switch (head_read(reader, checker, request, input)) {
    case REPLY_READ:
        return body_and_tail_read(reader, checker, input, outcome);
    case REPLY_MORE:
        return READER_MORE;
    case REPLY_BAD:
        break;
    }
    reader->reason = reader->head.reason;
    return READER_BROKEN;
}

const char *outcome_name(enum outcome outcome) {
    static const char *const names[OUTCOME_COUNT] = {
        [OUTCOME_HIT] = "hit",
        [OUTCOME_MISS] = "miss",
        [OUTCOME_STORED] = "stored",
        [OUTCOME_ERROR] = "error",
        [OUTCOME_WRONG_KIND] = "a reply to another sort of request",
        [OUTCOME_WRONG_KEY] = "the value of another key",
        [OUTCOME_WRONG_LENGTH] = "a value of another length",
        [OUTCOME_WRONG_VALUE] = "a value with other bytes",
    };
    return names[outcome];
}
