/* SPDX-License-Identifier: MIT
 *
 * protocol_memcached: memcached's classic commands get and set, one key each.
 *
 *      VALUE <key> <flags> <bytes>[ <cas>]\r\n<data>\r\nEND\r\n    END\r\n    STORED\r\n    ERROR ...\r\n
 */
#include "line.h"
#include "protocol.h"

static const struct bytes value_tail = {"\r\nEND\r\n", 7};

static bool is_refusal(struct bytes line) {
    return line_is_memcached_error(line) || bytes_equal_string(line, "NOT_STORED") ||
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

static enum reply_status head_parse(struct bytes input, enum request_kind request, struct reply_head *head) {
    (void)request;
    struct bytes line;
    enum reply_status status =
        line_take_head(input, "VESNC", "no reply of memcached's text protocol", head, &line);
    if (status != REPLY_READ) {
        return status;
    }
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
    return is_refusal(line) ? REPLY_READ : REPLY_BAD;
}

const struct protocol protocol_memcached = {
    .name = "memcached",
    .title = "memcached text",
    .default_port = "11211",
    .get = "get {key}\r\n",
    .set_head = "set {key} 0 0 ",
    .set_middle = "\r\n",
    .set_end = "\r\n",
    .hit = "VALUE {key} 0 {value_size}\r\n",
    .hit_tail = "\r\nEND\r\n",
    .stored = "STORED\r\n",
    .parse = head_parse,
};
