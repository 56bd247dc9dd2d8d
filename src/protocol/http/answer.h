/* SPDX-License-Identifier: MIT
 *
 * answer: heads of answers, and the small answers that are alike everywhere.
 *
 *      HTTP/1.1 200 OK
 *      Date: Sun, 06 Nov 1994 08:49:37 GMT
 *      Content-Type: text/plain; charset=utf-8
 *      Content-Length: 5
 *      ...
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "call.h"

enum {
    HTTP_ANSWER_HEAD_SIZE_MAX = 1024, /* bytes that a head may have */
    HTTP_ANSWER_FIELDS_SIZE_MAX = 384 /* bytes of http_answer.fields */
};

/* All zero but `status` is an answer without a body. */
struct http_answer {
    enum http_status status;
    struct bytes type;   /* Content-Type; size 0: none */
    struct bytes coding; /* Content-Encoding; size 0: none */
    uint64_t size;       /* bytes of the body that a GET gets; with 204 and 304 none is told */
    uint64_t etag;       /* strong entity tag, a decimal number in quotes; 0: none */
    struct bytes fields; /* further lines, each with its CRLF */
};

/*
 * Writes the head. The body follows, copied, pinned or written behind: `room` bytes (0 to
 * REPLY_RESERVE_SIZE_MAX - HTTP_ANSWER_HEAD_SIZE_MAX) are reserved behind the head; *head_size is how much of
 * what is returned is the head. Commit head and body together.
 */
char *http_answer_head(struct http_call *call, const struct http_exchange *exchange,
                       const struct http_answer *answer, size_t room, size_t *head_size);

/* The answer with a body that is copied; none for HEAD. Ends the exchange. */
void http_answer_send(struct http_call *call, const struct http_exchange *exchange,
                      const struct http_answer *answer, struct bytes body);

/* A small page: status, reason and one sentence. `fields` as in http_answer. Ends the exchange. */
void http_answer_page(struct http_call *call, const struct http_exchange *exchange, enum http_status status,
                      const char *sentence, const char *fields);

/* The last step of every exchange: counts it, and closes where the connection does not go on. */
void http_answer_end(struct http_call *call, const struct http_exchange *exchange, enum http_status status);

/* A connection whose next request nobody can find: a page, and the end. */
void http_answer_refuse(struct http_call *call, enum http_status status, const char *sentence);

/* "100 Continue" for a client that waits with its body. */
void http_answer_continue(struct http_call *call);

#endif
