/* SPDX-License-Identifier: MIT
 *
 * body: one reader for bodies of known length and for chunked ones.
 */
#include "body.h"

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
