/* SPDX-License-Identifier: MIT
 *
 * body: one reader for bodies of known length and for chunked ones, which has a state for each part of a chunk.
 */
#include "body.h"

#include "head.h"
#include "riposte/check.h"
#include "text.h"

static enum http_parse chunk_bad(struct http_chunk *chunk, enum http_status status) {
    chunk->status = status;
    return HTTP_PARSE_BAD;
}

/*
 * A line of at most size_max bytes with its CRLF: *line without them. A lone CR, a lone LF or another control
 * byte is BAD as soon as it is seen; too long a line with `too_long`.
 */
static enum http_parse take_line(struct http_chunk *chunk, struct bytes input, size_t size_max,
                                 enum http_status too_long, struct bytes *line) {
    for (size_t i = 0; i < input.size && i < size_max; i++) {
        unsigned char byte = (unsigned char)input.data[i];
        if (byte == '\n' && i > 0 && input.data[i - 1] == '\r') {
            *line = bytes_of(input.data, i - 1);
            return HTTP_PARSE_OK;
        }
        bool is_control = (byte < ' ' && byte != '\t' && byte != '\r') || byte == 0x7f;
        if (is_control || (i > 0 && input.data[i - 1] == '\r')) {
            return chunk_bad(chunk, HTTP_STATUS_BAD_REQUEST);
        }
    }
    return input.size < size_max ? HTTP_PARSE_MORE : chunk_bad(chunk, too_long);
}

/* --- the line of a chunk ------------------------------------------------------------------------------------ */

struct chunk_reader {
    const char *at;
    const char *end;
};

static void skip_space(struct chunk_reader *reader) {
    while (reader->at < reader->end && http_text_is_space(*reader->at)) {
        reader->at++;
    }
}

static bool skip_byte(struct chunk_reader *reader, char byte) {
    if (reader->at < reader->end && *reader->at == byte) {
        reader->at++;
        return true;
    }
    return false;
}

static bool skip_token(struct chunk_reader *reader) {
    const char *begin = reader->at;
    while (reader->at < reader->end && http_text_is_token(*reader->at)) {
        reader->at++;
    }
    return reader->at > begin;
}

/* The rest of a quoted string whose first quote is gone. */
static bool skip_quoted(struct chunk_reader *reader) {
    while (reader->at < reader->end) {
        char byte = *reader->at++;
        if (byte == '"') {
            return true;
        }
        if (byte == '\\' && reader->at++ == reader->end) {
            return false;
        }
    }
    return false;
}

/* `*( BWS ";" BWS name [ BWS "=" BWS value ] )` to the end of the line; a space that leads nowhere is refused. */
static bool skip_extensions(struct chunk_reader *reader) {
    while (reader->at < reader->end) {
        skip_space(reader);
        if (!skip_byte(reader, ';')) {
            return false;
        }
        skip_space(reader);
        if (!skip_token(reader)) {
            return false;
        }
        struct chunk_reader ahead = *reader;
        skip_space(&ahead);
        if (skip_byte(&ahead, '=')) {
            skip_space(&ahead);
            if (!(skip_byte(&ahead, '"') ? skip_quoted(&ahead) : skip_token(&ahead))) {
                return false;
            }
            *reader = ahead;
        }
    }
    return true;
}

/* At least one hexadecimal digit; false where 64 bits do not hold the number. */
static bool read_size(struct chunk_reader *reader, uint64_t *size) {
    const char *begin = reader->at;
    *size = 0;
    for (; reader->at < reader->end; reader->at++) {
        int digit = http_text_hex(*reader->at);
        if (digit < 0) {
            break;
        }
        if (*size >> 60 != 0) {
            return false;
        }
        *size = *size << 4 | (unsigned)digit;
    }
    return reader->at > begin;
}

static enum http_parse next_line(struct http_chunk *chunk, struct bytes input, size_t *consumed) {
    struct bytes line;
    enum http_parse parsed =
        take_line(chunk, input, HTTP_CHUNK_LINE_SIZE_MAX, HTTP_STATUS_BAD_REQUEST, &line);
    if (parsed != HTTP_PARSE_OK) {
        return parsed;
    }
    struct chunk_reader reader = {line.data, line.data + line.size};
    if (!read_size(&reader, &chunk->left) || !skip_extensions(&reader)) {
        return chunk_bad(chunk, HTTP_STATUS_BAD_REQUEST);
    }
    chunk->state = chunk->left > 0 ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER;
    *consumed = line.size + 2;
    return HTTP_PARSE_OK;
}

/* --- the rest ----------------------------------------------------------------------------------------------- */

static enum http_parse next_data(struct http_chunk *chunk, struct bytes input, size_t *consumed,
                                 struct bytes *data) {
    size_t size = input.size < chunk->left ? input.size : (size_t)chunk->left;
    *data = bytes_of(input.data, size);
    *consumed = size;
    chunk->left -= size;
    chunk->state = chunk->left > 0 ? HTTP_CHUNK_DATA : HTTP_CHUNK_DATA_END;
    return HTTP_PARSE_OK;
}

static enum http_parse next_data_end(struct http_chunk *chunk, struct bytes input, size_t *consumed) {
    if (input.data[0] != '\r' || (input.size > 1 && input.data[1] != '\n')) {
        return chunk_bad(chunk, HTTP_STATUS_BAD_REQUEST);
    }
    if (input.size < 2) {
        return HTTP_PARSE_MORE;
    }
    chunk->state = HTTP_CHUNK_LINE;
    *consumed = 2;
    return HTTP_PARSE_OK;
}

/* A field line as in a head, or the empty one. */
static enum http_parse next_trailer(struct http_chunk *chunk, struct bytes input, size_t *consumed) {
    struct bytes line;
    enum http_parse parsed =
        take_line(chunk, input, HTTP_HEAD_SIZE_MAX - chunk->trailer_size, HTTP_STATUS_HEAD_TOO_LARGE, &line);
    if (parsed != HTTP_PARSE_OK) {
        return parsed;
    }
    *consumed = line.size + 2;
    if (line.size == 0) {
        chunk->state = HTTP_CHUNK_DONE;
        return HTTP_PARSE_OK;
    }
    if (chunk->trailer_count == HTTP_HEAD_FIELDS_MAX) {
        return chunk_bad(chunk, HTTP_STATUS_HEAD_TOO_LARGE);
    }
    chunk->trailer_count++;
    chunk->trailer_size += (uint32_t)*consumed;
    struct chunk_reader reader = {line.data, line.data + line.size};
    bool good = skip_token(&reader) && skip_byte(&reader, ':');
    return good ? HTTP_PARSE_OK : chunk_bad(chunk, HTTP_STATUS_BAD_REQUEST);
}

enum http_parse http_chunk_next(struct http_chunk *chunk, struct bytes input, size_t *consumed,
                                struct bytes *data) {
    *consumed = 0;
    *data = bytes_of(NULL, 0);
    if (input.size == 0) {
        return HTTP_PARSE_MORE;
    }
    switch (chunk->state) {
    case HTTP_CHUNK_LINE:
        return next_line(chunk, input, consumed);
    case HTTP_CHUNK_DATA:
        return next_data(chunk, input, consumed, data);
    case HTTP_CHUNK_DATA_END:
        return next_data_end(chunk, input, consumed);
    case HTTP_CHUNK_TRAILER:
        return next_trailer(chunk, input, consumed);
    case HTTP_CHUNK_DONE:
        break;
    }
    assert(chunk->state != HTTP_CHUNK_DONE);
    return HTTP_PARSE_MORE;
}

/* --- either way ----------------------------------------------------------------------------------------------- */

void http_body_init(struct http_body *body, const struct http_message *message) {
    *body = (struct http_body){.kind = message->body, .left = message->body_size};
}

static enum http_parse next_of_length(struct http_body *body, struct bytes input, size_t *consumed,
                                      struct bytes *data) {
    size_t size = input.size < body->left ? input.size : (size_t)body->left;
    *consumed = size;
    *data = bytes_of(input.data, size);
    body->left -= size;
    return size > 0 ? HTTP_PARSE_OK : HTTP_PARSE_MORE;
}

enum http_parse http_body_next(struct http_body *body, struct bytes input, size_t *consumed,
                               struct bytes *data) {
    enum http_parse parsed = body->kind == HTTP_BODY_CHUNKED
                                 ? http_chunk_next(&body->chunk, input, consumed, data)
                                 : next_of_length(body, input, consumed, data);
    body->size += parsed == HTTP_PARSE_OK ? data->size : 0;
    return parsed;
}
