/* SPDX-License-Identifier: MIT
 *
 * protocol_resp: GET and SET as Redis, Valkey and their like speak it (RESP2; also the null of RESP3).
 *
 *      $<bytes>\r\n<data>\r\n      $-1\r\n      _\r\n      +OK\r\n      -ERR ...\r\n
 */
#include "line.h"
#include "protocol.h"

static const struct bytes value_tail = {"\r\n", 2};

static enum reply_status head_parse(struct bytes input, enum request_kind request, struct reply_head *head) {
    (void)request;
    struct bytes line;
    enum reply_status status = line_take_head(input, "$+-_", "no reply to GET or SET in RESP", head, &line);
    if (status != REPLY_READ) {
        return status;
    }
    if (bytes_equal_string(line, "$-1") || bytes_equal_string(line, "_")) {
        head->kind = REPLY_MISS;
        return REPLY_READ;
    }
    if (bytes_equal_string(line, "+OK")) {
        head->kind = REPLY_STORED;
        return REPLY_READ;
    }
    if (line_begins(line, "$")) {
        head->kind = REPLY_VALUE;
        head->tail = value_tail;
        head->reason = "a bulk string whose length is no number";
        return bytes_parse_u64(bytes_of(line.data + 1, line.size - 1), &head->body_size) ? REPLY_READ
                                                                                         : REPLY_BAD;
    }
    head->kind = REPLY_ERROR;
    return line_begins(line, "-") ? REPLY_READ : REPLY_BAD;
}

const struct protocol protocol_resp = {
    .name = "resp",
    .title = "RESP",
    .default_port = "6379",
    .get = "*2\r\n$3\r\nGET\r\n${key_size}\r\n{key}\r\n",
    .set_head = "*3\r\n$3\r\nSET\r\n${key_size}\r\n{key}\r\n$",
    .set_middle = "\r\n",
    .set_end = "\r\n",
    .hit = "${value_size}\r\n",
    .hit_tail = "\r\n",
    .stored = "+OK\r\n",
    .parse = head_parse,
};
