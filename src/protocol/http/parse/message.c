/* SPDX-License-Identifier: MIT
 *
 * message: the fields that say where a request ends, read strictly.
 */
#include "message.h"

#include "riposte/check.h"
#include "text.h"

static enum http_parse message_bad(struct http_message *message, enum http_status status) {
    message->status = status;
    return HTTP_PARSE_BAD;
}

/* Options of all Connection lines; `close` goes before `keep-alive` (RFC 9112 section 9.3). */
static bool reads_keep_alive(const struct http_head *head) {
    bool keep_alive = head->minor == 1;
    bool close = false;
    unsigned position = 0;
    struct bytes list;
    struct bytes option;
    while (http_head_next(head, HTTP_CONNECTION, &position, &list)) {
        while (http_text_list_next(&list, &option)) {
            close |= http_text_equal(option, "close");
            keep_alive |= http_text_equal(option, "keep-alive");
        }
    }
    return keep_alive && !close;
}

/* Exactly one Host, one where HTTP/1.1 asks for it, and a good one (RFC 9112 section 3.2). */
static bool host_is_good(const struct http_head *head, bool host_is_valid) {
    return http_head_has(head, HTTP_HOST) ? http_head_has_one(head, HTTP_HOST) && host_is_valid
                                          : head->minor == 0;
}

/*
 * Exactly "chunked", once, in HTTP/1.1. A list of codings that ends in chunked has an end that can be found,
 * but codings that nobody here can undo: 501. All else is 400, as the end cannot be told.
 */
static enum http_parse read_transfer_encoding(const struct http_head *head, struct http_message *message) {
    struct bytes codings = http_head_find(head, HTTP_TRANSFER_ENCODING);
    if (head->minor == 0 || http_head_has(head, HTTP_CONTENT_LENGTH) ||
        !http_head_has_one(head, HTTP_TRANSFER_ENCODING)) {
        return message_bad(message, HTTP_STATUS_BAD_REQUEST);
    }
    if (http_text_equal(codings, "chunked")) {
        message->body = HTTP_BODY_CHUNKED;
        return HTTP_PARSE_OK;
    }
    struct bytes coding = bytes_of(NULL, 0);
    unsigned chunked = 0;
    unsigned others = 0;
    while (http_text_list_next(&codings, &coding)) {
        if (!http_text_all_token(coding)) {
            return message_bad(message, HTTP_STATUS_BAD_REQUEST);
        }
        bool is_chunked = http_text_equal(coding, "chunked");
        chunked += is_chunked;
        others += !is_chunked;
    }
    bool end_is_known = chunked == 1 && others > 0 && http_text_equal(coding, "chunked");
    return message_bad(message, end_is_known ? HTTP_STATUS_NOT_IMPLEMENTED : HTTP_STATUS_BAD_REQUEST);
}

/* Digits and nothing else, in one line. */
static enum http_parse read_content_length(const struct http_head *head, struct http_message *message) {
    uint64_t size;
    if (!http_head_has_one(head, HTTP_CONTENT_LENGTH) ||
        !bytes_parse_u64(http_head_find(head, HTTP_CONTENT_LENGTH), &size)) {
        return message_bad(message, HTTP_STATUS_BAD_REQUEST);
    }
    message->body = size > 0 ? HTTP_BODY_LENGTH : HTTP_BODY_NONE;
    message->body_size = size;
    return HTTP_PARSE_OK;
}

/* An HTTP/1.0 client cannot mean it (RFC 9110 section 10.1.1). */
static enum http_parse read_expect(const struct http_head *head, struct http_message *message) {
    if (head->minor == 0) {
        return HTTP_PARSE_OK;
    }
    if (!http_head_has_one(head, HTTP_EXPECT) ||
        !http_text_equal(http_head_find(head, HTTP_EXPECT), "100-continue")) {
        return message_bad(message, HTTP_STATUS_EXPECTATION_FAILED);
    }
    message->expect_continue = message->body != HTTP_BODY_NONE;
    return HTTP_PARSE_OK;
}

enum http_parse http_message_read(const struct http_head *head, bool host_is_valid,
                                  struct http_message *message) {
    *message = (struct http_message){.body = HTTP_BODY_NONE, .keep_alive = head->minor == 1};
    if (unlikely(!host_is_good(head, host_is_valid))) {
        return message_bad(message, HTTP_STATUS_BAD_REQUEST);
    }
    const uint32_t rare = UINT32_C(1) << HTTP_TRANSFER_ENCODING | UINT32_C(1) << HTTP_CONTENT_LENGTH |
                          UINT32_C(1) << HTTP_EXPECT | UINT32_C(1) << HTTP_CONNECTION;
    if (likely((head->seen & rare) == 0)) {
        return HTTP_PARSE_OK;
    }
    message->keep_alive = reads_keep_alive(head);
    enum http_parse parsed = HTTP_PARSE_OK;
    if (http_head_has(head, HTTP_TRANSFER_ENCODING)) {
        parsed = read_transfer_encoding(head, message);
    } else if (http_head_has(head, HTTP_CONTENT_LENGTH)) {
        parsed = read_content_length(head, message);
    }
    if (parsed == HTTP_PARSE_OK && http_head_has(head, HTTP_EXPECT)) {
        parsed = read_expect(head, message);
    }
    return parsed;
}
