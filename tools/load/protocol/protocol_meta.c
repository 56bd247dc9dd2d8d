/* SPDX-License-Identifier: MIT
 *
 * protocol_meta: memcached's meta commands mg (with v) and ms; and mn, a protocol of its own.
 *
 *      VA <bytes>[ <flag>...]\r\n<data>\r\n     EN\r\n     HD[ <flag>...]\r\n     NS\r\n     SERVER_ERROR ...\r\n
 *      MN\r\n, and no other, to mn
 */
#include "line.h"
#include "protocol.h"

static const struct bytes value_tail = {"\r\n", 2};

/* The flags behind the size: k<key> names the key, unless b says that it is in base64. */
static void flags_parse(struct bytes flags, struct reply_head *head) {
    bool is_encoded = false;
    while (flags.size > 0) {
        struct bytes flag = line_take_word(&flags);
        if (flag.size > 1 && flag.data[0] == 'k') {
            head->has_key = true;
            head->key = bytes_of(flag.data + 1, flag.size - 1);
        }
        is_encoded = is_encoded || bytes_equal_string(flag, "b");
    }
    head->has_key = head->has_key && !is_encoded;
}

static bool is_refusal(struct bytes code, struct bytes line) {
    return bytes_equal_string(code, "NS") || bytes_equal_string(code, "EX") ||
           bytes_equal_string(code, "NF") || line_is_memcached_error(line);
}

static enum reply_status meta_head_parse(struct bytes input, enum request_kind request,
                                         struct reply_head *head) {
    (void)request;
    struct bytes line;
    enum reply_status status =
        line_take_head(input, "VEHNSC", "no reply of memcached's meta commands", head, &line);
    if (status != REPLY_READ) {
        return status;
    }
    struct bytes rest = line;
    struct bytes code = line_take_word(&rest);
    if (bytes_equal_string(code, "VA")) {
        head->kind = REPLY_VALUE;
        head->tail = value_tail;
        head->reason = "a VA line that is malformed";
        status = bytes_parse_u64(line_take_word(&rest), &head->body_size) ? REPLY_READ : REPLY_BAD;
        flags_parse(rest, head);
        return status;
    }
    if (bytes_equal_string(code, "EN")) {
        head->kind = REPLY_MISS;
        return REPLY_READ;
    }
    if (bytes_equal_string(code, "HD")) {
        head->kind = REPLY_STORED;
        return REPLY_READ;
    }
    head->kind = REPLY_ERROR;
    return is_refusal(code, line) ? REPLY_READ : REPLY_BAD;
}

static enum reply_status noop_head_parse(struct bytes input, enum request_kind request,
                                         struct reply_head *head) {
    (void)request;
    struct bytes line;
    enum reply_status status =
        line_take_head(input, "MESC", "no reply of memcached's meta no-op", head, &line);
    if (status != REPLY_READ) {
        return status;
    }
    bool is_answer = bytes_equal_string(line, "MN");
    head->kind = is_answer ? REPLY_VALUE : REPLY_ERROR;
    return is_answer || line_is_memcached_error(line) ? REPLY_READ : REPLY_BAD;
}

const struct protocol protocol_meta = {
    .name = "meta",
    .title = "memcached meta",
    .default_port = "11211",
    .get = "mg {key} {meta_flags}\r\n",
    .set_head = "ms {key} ",
    .set_middle = "\r\n",
    .set_end = "\r\n",
    .hit = "VA {value_size}\r\n",
    .hit_tail = "\r\n",
    .stored = "HD\r\n",
    .parse = meta_head_parse,
};

const struct protocol protocol_noop = {
    .name = "noop",
    .title = "memcached meta no-op",
    .default_port = "11211",
    .is_bare = true,
    .get = "mn\r\n",
    .set_head = "",
    .set_middle = "",
    .set_end = "",
    .hit = "MN\r\n",
    .hit_tail = "",
    .stored = "",
    .parse = noop_head_parse,
};
