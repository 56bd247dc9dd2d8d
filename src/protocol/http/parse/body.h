/* SPDX-License-Identifier: MIT
 *
 * body: the body of a request as it comes, whichever way its end is told: by its length, or in chunks (RFC 9112
 * section 7.1).
 *
 *      http_body_init --> http_body_next, as often as bytes come --> http_body_complete
 *
 *      chunks:  LINE --size > 0--> DATA --last byte--> DATA_END --CRLF--> LINE
 *                 \--size 0--> TRAILER --empty line--> DONE
 *
 * Pure but for its own state; allocates nothing; data are slices of the input. Lines of chunks are strict as in
 * head.h: digits of the size and nothing else before an extension or the line's end, no lone CR or LF.
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdint.h>

#include "message.h"
#include "riposte/bytes.h"
#include "status.h"

enum {
    HTTP_CHUNK_LINE_SIZE_MAX = 256, /* bytes of a size with its extensions and CRLF; more: 400 */
};

enum http_chunk_state {
    HTTP_CHUNK_LINE,     /* the next byte begins a chunk's size */
    HTTP_CHUNK_DATA,     /* the next byte is one of `left` of the chunk */
    HTTP_CHUNK_DATA_END, /* the next byte is the CR behind a chunk's data */
    HTTP_CHUNK_TRAILER,  /* the next byte begins a trailer field or the last line */
    HTTP_CHUNK_DONE,     /* the body is at its end */
};

/* All zero is the beginning. */
struct http_chunk {
    enum http_chunk_state state;
    enum http_status status; /* of BAD: 400 or 431 */
    uint64_t left;           /* DATA: bytes of the chunk that have not come, > 0 */
    uint32_t trailer_size;   /* bytes of trailers so far, at most HTTP_HEAD_SIZE_MAX */
    uint32_t trailer_count;  /* lines of them, at most HTTP_HEAD_FIELDS_MAX */
};

/*
 * Reads on. OK: *consumed bytes (> 0) are done with, *data is what of them belongs to the body, maybe empty;
 * call again until the state is DONE. MORE: nothing is consumed. BAD: chunk->status, and the connection
 * cannot go on. Trailer fields are checked and dropped.
 */
enum http_parse http_chunk_next(struct http_chunk *chunk, struct bytes input, size_t *consumed,
                                struct bytes *data);

struct http_body {
    enum http_body_kind kind;
    uint64_t left;           /* LENGTH: bytes that have not come */
    uint64_t size;           /* bytes of body that have come */
    struct http_chunk chunk; /* CHUNKED */
};

void http_body_init(struct http_body *body, const struct http_message *message);

/*
 * Reads on: *consumed bytes of `input` are done with, *data is what of them belongs to the body. OK: call
 * again, or complete. MORE, BAD (400, 431 in body->chunk.status): as http_chunk_next.
 */
enum http_parse http_body_next(struct http_body *body, struct bytes input, size_t *consumed,
                               struct bytes *data);

static inline bool http_body_complete(const struct http_body *body) {
    return body->kind == HTTP_BODY_CHUNKED ? body->chunk.state == HTTP_CHUNK_DONE : body->left == 0;
}

#endif
