/* SPDX-License-Identifier: MIT
 *
 * body: the body of a request as it comes, whichever way its end is told.
 *
 *      http_body_init --> http_body_next, as often as bytes come --> http_body_complete
 *
 * Pure but for its own state; allocates nothing; data are slices of the input.
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "chunk.h"
#include "message.h"

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
