/* SPDX-License-Identifier: MIT
 *
 * protocol: the table of protocols, and how lines of replies are cut.
 */
#include "protocol.h"

#include <assert.h>
#include <string.h>

static const struct protocol *const protocols[PROTOCOL_COUNT] = {
    [PROTOCOL_MEMCACHED] = &protocol_memcached, [PROTOCOL_META] = &protocol_meta,
    [PROTOCOL_NOOP] = &protocol_noop,           [PROTOCOL_HTTP] = &protocol_http,
    [PROTOCOL_RESP] = &protocol_resp,
};

const struct protocol *protocol_of(enum protocol_kind kind) {
    assert(kind < PROTOCOL_COUNT);
    return protocols[kind];
}

enum reply_status line_take(struct bytes input, struct reply_head *head, struct bytes *line) {
    size_t looked_at = input.size < REPLY_HEAD_SIZE_MAX ? input.size : REPLY_HEAD_SIZE_MAX;
    const char *feed = looked_at == 0 ? NULL : memchr(input.data, '\n', looked_at);
    if (feed == NULL) {
        head->reason = "a line without an end";
        return looked_at < REPLY_HEAD_SIZE_MAX ? REPLY_MORE : REPLY_BAD;
    }
    if (feed == input.data || feed[-1] != '\r') {
        head->reason = "a line that ends without a carriage return";
        return REPLY_BAD;
    }
    *line = bytes_of(input.data, (size_t)(feed - input.data) - 1);
    return REPLY_READ;
}

struct bytes line_take_word(struct bytes *line) {
    size_t size = 0;
    while (size < line->size && line->data[size] != ' ') {
        size++;
    }
    struct bytes word = bytes_of(line->data, size);
    size_t skipped = size < line->size ? size + 1 : size;
    *line = bytes_of(line->data + skipped, line->size - skipped);
    return word;
}

bool line_begins(struct bytes line, const char *text) {
    size_t size = strlen(text);
    return line.size >= size && memcmp(line.data, text, size) == 0;
}

bool line_is_memcached_error(struct bytes line) {
    return line_begins(line, "SERVER_ERROR") || line_begins(line, "CLIENT_ERROR") ||
           line_begins(line, "ERROR");
}
