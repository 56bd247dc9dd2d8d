/* SPDX-License-Identifier: MIT
 *
 * stream: one piece of a file per call, as long as the reply has room.
 */
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "answer.h"
#include "log/note.h"

enum { CALL_PIECES_MAX = 4 /* before other connections have their turn */ };

/* Bytes on their way. */
struct piece {
    struct http_service *service; /* whose stream_size counts them */
    char data[];
};

static struct piece *piece_create(struct http_service *service) {
    struct piece *piece = malloc(sizeof(*piece) + HTTP_STREAM_PIECE_SIZE);
    if (piece != NULL) {
        piece->service = service;
        /* relaxed, here and below: a sum that orders nothing. */
        atomic_fetch_add_explicit(&service->stream_size, HTTP_STREAM_PIECE_SIZE, memory_order_relaxed);
    }
    return piece;
}

static void piece_release(void *owner) {
    struct piece *piece = owner;
    atomic_fetch_sub_explicit(&piece->service->stream_size, HTTP_STREAM_PIECE_SIZE, memory_order_relaxed);
    free(piece);
}

void http_stream_drop(struct http_session *session) {
    http_file_return(session->stream->file);
    free(session->stream);
    session->stream = NULL;
}

void http_stream_begin(struct http_call *call, const struct http_exchange *exchange, enum http_status status,
                       struct http_file *file, uint64_t at, uint64_t size) {
    struct http_stream *stream = malloc(sizeof(*stream));
    if (stream == NULL) {
        http_file_return(file);
        reply_close(call->reply);
        return;
    }
    *stream = (struct http_stream){
        .exchange = *exchange, .status = status, .file = file, .at = at, .left = size, .size = size};
    call->session->stream = stream;
    http_note_keep(call);
}

/* One piece. False when it cannot be read: the file has shrunk, or memory ended. */
static bool stream_piece(struct http_call *call, struct http_stream *stream) {
    size_t size = stream->left < HTTP_STREAM_PIECE_SIZE ? (size_t)stream->left : HTTP_STREAM_PIECE_SIZE;
    struct piece *piece = piece_create(call->worker->service);
    if (piece == NULL) {
        return false;
    }
    ssize_t got = pread(stream->file->fd, piece->data, size, (off_t)stream->at);
    if (got <= 0) {
        piece_release(piece);
        return got < 0 && errno == EINTR;
    }
    stream->at += (uint64_t)got;
    stream->left -= (uint64_t)got;
    reply_pin(call->reply, bytes_of(piece->data, (size_t)got), piece_release, piece);
    return true;
}

/* True when all connections together hold so much that this one has to wait for what it has. */
static bool stream_waits(const struct http_call *call) {
    size_t size = atomic_load_explicit(&call->worker->service->stream_size, memory_order_relaxed);
    return size >= HTTP_STREAM_SIZE_MAX && call->reply->unsent_size > 0;
}

bool http_stream_continue(struct http_call *call) {
    struct http_stream *stream = call->session->stream;
    for (unsigned i = 0; i < CALL_PIECES_MAX && stream->left > 0 && !reply_full(call->reply); i++) {
        if (stream_waits(call)) {
            return false;
        }
        if (!stream_piece(call, stream)) {
            /* The client was told of more bytes: only the end tells it that they do not come. */
            reply_close(call->reply);
            http_stream_drop(call->session);
            return true;
        }
    }
    if (stream->left == 0) {
        call->body_size = stream->size;
        http_answer_end(call, &stream->exchange, stream->status);
        http_stream_drop(call->session);
    }
    return true;
}
