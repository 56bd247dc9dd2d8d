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

enum {
    PIECE_SIZE = 64 * 1024,
    CALL_PIECES_MAX = 4, /* before other connections have their turn */
};

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
    size_t size = stream->left < PIECE_SIZE ? (size_t)stream->left : PIECE_SIZE;
    char *piece = malloc(size);
    if (piece == NULL) {
        return false;
    }
    ssize_t got = pread(stream->file->fd, piece, size, (off_t)stream->at);
    if (got <= 0) {
        free(piece);
        return got < 0 && errno == EINTR;
    }
    stream->at += (uint64_t)got;
    stream->left -= (uint64_t)got;
    reply_pin(call->reply, bytes_of(piece, (size_t)got), free, piece);
    return true;
}

void http_stream_continue(struct http_call *call) {
    struct http_stream *stream = call->session->stream;
    for (unsigned i = 0; i < CALL_PIECES_MAX && stream->left > 0 && !reply_full(call->reply); i++) {
        if (!stream_piece(call, stream)) {
            /* The client was told of more bytes: only the end tells it that they do not come. */
            reply_close(call->reply);
            http_stream_drop(call->session);
            return;
        }
    }
    if (stream->left == 0) {
        call->body_size = stream->size;
        http_answer_end(call, &stream->exchange, stream->status);
        http_stream_drop(call->session);
    }
}
