/* SPDX-License-Identifier: MIT
 *
 * stream: a file that is too large to be kept, read and sent in pieces.
 *
 * Read when the connection has room for more: what is on its way is bounded by the connection's output bound,
 * however large the file and slow the client. All connections together hold HTTP_STREAM_SIZE_MAX; beyond that
 * each gets its next piece when the one before is sent. Until the last byte is in the reply, further requests wait.
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "call.h"
#include "file_cache.h"

enum {
    HTTP_STREAM_PIECE_SIZE = 64 * 1024, /* bytes that are read at a time */
    HTTP_STREAM_SIZE_MAX =
        64 * 1024 * 1024 /* bytes on their way to all clients before each has to wait for its own */
};

struct http_stream {
    struct http_exchange exchange;
    enum http_status status;
    struct http_file *file; /* taken */
    uint64_t at;            /* offset of the next byte */
    uint64_t size;          /* bytes of the whole answer */
    uint64_t left;          /* bytes still to be read, > 0 */
};

/*
 * The head of the answer is in the reply; `size` bytes (> 0) from `at` follow. Takes over one reference to
 * the file. Where memory ends the connection is closed.
 */
void http_stream_begin(struct http_call *call, const struct http_exchange *exchange, enum http_status status,
                       struct http_file *file, uint64_t at, uint64_t size);

/*
 * Goes on with session->stream, which is gone after the last byte. False when the next piece has to wait for what
 * is on its way.
 */
bool http_stream_continue(struct http_call *call);

/* Gives back what the session's stream holds, and the stream. */
void http_stream_drop(struct http_session *session);

#endif
