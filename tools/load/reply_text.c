/* SPDX-License-Identifier: MIT
 *
 * reply_text: replies of memcached's classic commands get and set, one key each.
 *
 *      VALUE <key> <flags> <bytes>[ <cas>]\r\n<data>\r\nEND\r\n    END\r\n    STORED\r\n    ERROR ...\r\n
 */
#include "line.h"

static const struct bytes value_tail = {"\r\nEND\r\n", 7};

static bool is_refusal(struct bytes line) {
    return line_begins(line, "SERVER_ERROR") || line_begins(line, "CLIENT_ERROR") ||
           line_begins(line, "ERROR") || bytes_equal_string(line, "NOT_STORED") ||
           bytes_equal_string(line, "EXISTS") || bytes_equal_string(line, "NOT_FOUND");
}

/* `line` behind "VALUE ". */
static enum reply_status value_line_parse(struct bytes line, struct reply_head *head) {
    uint32_t flags;
    uint64_t cas;
    head->kind = REPLY_VALUE;
    head->has_key = true;
    head->key = line_take_word(&line);
    head->tail = value_tail;
    head->reason = "a VALUE line that is malformed";
    if (head->key.size == 0 || !bytes_parse_u32(line_take_word(&line), &flags) ||
        !bytes_parse_u64(line_take_word(&line), &head->body_size)) {
        return REPLY_BAD;
    }
    return line.size == 0 || bytes_parse_u64(line, &cas) ? REPLY_READ : REPLY_BAD;
}

enum reply_status reply_parse_text(struct bytes input, enum request_kind request, struct reply_head *head) {
    (void)request;
    struct bytes line;
    *head = (struct reply_head){0};
    if (input.size > 0 && memchr("VESNC", input.data[0], 5) == NULL) {
        head->reason = "no reply of memcached's text protocol";
        return REPLY_BAD;
    }
    enum reply_status status = line_take(input, head, &line);
    if (status != REPLY_READ) {
        return status;
    }
    head->line = line;
    head->head_size = line.size + 2;
    if (line_begins(line, "VALUE ")) {
        return value_line_parse(bytes_of(line.data + 6, line.size - 6), head);
    }
    if (bytes_equal_string(line, "END")) {
        head->kind = REPLY_MISS;
        return REPLY_READ;
    }
    if (bytes_equal_string(line, "STORED")) {
        head->kind = REPLY_STORED;
        return REPLY_READ;
    }
    head->kind = REPLY_ERROR;
    head->reason = "no reply of memcached's text protocol";
    return is_refusal(line) ? REPLY_READ : REPLY_BAD;
}
