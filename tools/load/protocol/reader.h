/* SPDX-License-Identifier: MIT
 *
 * reader: the replies of one connection, cut anywhere, each checked against the request it answers.
 *
 *      HEAD --head read--> BODY --body_size bytes--> TAIL --tail read--> HEAD       (one reply is done)
 *        \ cut: the bytes are held
 *
 * The usual reply, whole and as it should be, is not parsed at all: it is compared with what the encoder
 * foretells. Anything else goes through the parser, which says what is different.
 *
 * A body is compared as it arrives, never collected: a value of 1 GiB costs no more memory than one of 32
 * bytes. A reply that has the wrong key, length or bytes is an outcome and reading goes on; bytes that are no
 * reply end the stream, because nobody can say where the next reply begins.
 *
 * One thread owns one reader.
 */
#ifndef LOAD_READER_H
#define LOAD_READER_H

#include "protocol.h"
#include "encoder.h"
#include "workload.h"

enum check_level {
    CHECK_FULL,   /* kind, key, length and every byte of the value */
    CHECK_LENGTH, /* kind, key and length */
    CHECK_NONE,   /* only what is needed to find the next reply */
};

enum outcome {
    OUTCOME_HIT,
    OUTCOME_MISS,
    OUTCOME_STORED,
    OUTCOME_ERROR,        /* the server refused */
    OUTCOME_WRONG_KIND,   /* an answer to another sort of request */
    OUTCOME_WRONG_KEY,    /* the reply names another key */
    OUTCOME_WRONG_LENGTH, /* the value has another size */
    OUTCOME_WRONG_VALUE,  /* the value has other bytes */
};

enum { OUTCOME_COUNT = OUTCOME_WRONG_VALUE + 1 };

/* What every reply has to be when the path of HTTP names no key: the body of the first. */
struct reference {
    char *body;     /* owned; its first `held` bytes */
    size_t held;    /* bytes; longer bodies are compared as far as this */
    uint64_t size;  /* of the whole body */
    bool learning;  /* the reply being read is the first */
    bool is_needed; /* replies are compared with this body and not with values */
};

enum { REFERENCE_SIZE_MAX = 16 << 20 };

enum { CHECKER_LINE_SIZE_MAX = 128 };

/* What replies are checked against. */
struct checker {
    const struct protocol *protocol;
    const struct workload *workload; /* borrowed */
    const struct encoder *encoder;   /* borrowed; knows the replies that can be foretold */
    enum check_level level;
    struct reference reference;
    char error_line[CHECKER_LINE_SIZE_MAX]; /* of the first refusal, cut to fit, ends in NUL; empty before */
};

enum reader_state { READER_HEAD, READER_BODY, READER_TAIL };

struct reader {
    enum reader_state state;
    enum outcome outcome;   /* of the reply being read, as far as it is known */
    struct reply_head head; /* slices in it are valid only while the head is being looked at */
    uint64_t body_done;     /* bytes */
    size_t tail_done;       /* bytes */
    struct value value;     /* what the body is compared with; set for a hit that is checked in full */
    char *held;             /* owned, NULL until a head was cut: a head that is not complete */
    size_t held_size;       /* bytes */
    const char *reason;     /* of READER_BROKEN; static text */
};

enum reader_status {
    READER_REPLY,  /* one reply is complete, its outcome is given; there may be more input */
    READER_MORE,   /* all input is consumed, no reply is complete */
    READER_BROKEN, /* what came is no reply; reader->reason */
};

/* All zero is a reader at the beginning of a stream. */
void reader_deinit(struct reader *reader);

/* Back to the beginning of a stream, for a new connection. */
void reader_reset(struct reader *reader);

/* Whether the stream stands between two replies. */
bool reader_is_between(const struct reader *reader);

/*
 * Reads on until one reply is complete or *input is used up; moves *input behind what was read. `request` is
 * what the reply answers: the same at every call until that reply is complete.
 */
enum reader_status reader_next(struct reader *reader, struct checker *checker, struct request request,
                               struct bytes *input, enum outcome *outcome);

/* Says what is right. */
const char *outcome_name(enum outcome outcome);

void checker_deinit(struct checker *checker);

#endif
