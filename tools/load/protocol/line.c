/* SPDX-License-Identifier: MIT
 *
 * line: cuts lines and words out of the bytes of replies.
 */
#include "line.h"

#include <string.h>

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

enum reply_status line_take_head(struct bytes input, const char *first_bytes, const char *reason,
                                 struct reply_head *head, struct bytes *line) {
    *head = (struct reply_head){.reason = reason};
    if (input.size > 0 && memchr(first_bytes, input.data[0], strlen(first_bytes)) == NULL) {
        return REPLY_BAD;
    }
    enum reply_status status = line_take(input, head, line);
    if (status == REPLY_READ) {
        head->line = *line;
        head->head_size = line->size + 2;
    }
    return status;
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
