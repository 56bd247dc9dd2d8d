/* SPDX-License-Identifier: MIT
 *
 * protocol_http: HTTP/1.1 (RFC 9112), GET and PUT. Of a response's head: status line, and of the fields the three that say where
 * the response ends and whether the connection goes on. The body must have a Content-Length; chunked transfer
 * is refused with a reason.
 *
 *      HTTP/1.1 200 OK\r\nContent-Length: 5\r\n...\r\n\r\nhello        404 is a miss, other codes from 300 errors
 */
#include <string.h>

#include "line.h"
#include "protocol.h"

/* What the fields say. */
struct fields {
    bool has_length;
    uint64_t length;
    bool is_chunked;
    bool says_close;
    bool says_keep_alive;
};

static char lower(char character) {
    return character >= 'A' && character <= 'Z' ? (char)(character + ('a' - 'A')) : character;
}

/* `text` in lower case. */
static bool equal_ignoring_case(struct bytes left, const char *text) {
    size_t size = strlen(text);
    if (left.size != size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (lower(left.data[i]) != text[i]) {
            return false;
        }
    }
    return true;
}

/* Without spaces and tabs at both ends. */
static struct bytes trim(struct bytes text) {
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = bytes_of(text.data + 1, text.size - 1);
    }
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) {
        text.size--;
    }
    return text;
}

/* One "Name: value" line. False: malformed. */
static bool field_parse(struct bytes line, struct fields *fields) {
    const char *colon = memchr(line.data, ':', line.size);
    if (colon == NULL || colon == line.data) {
        return false;
    }
    struct bytes name = bytes_of(line.data, (size_t)(colon - line.data));
    struct bytes value = trim(bytes_of(colon + 1, line.size - name.size - 1));
    if (equal_ignoring_case(name, "content-length")) {
        /* Twice is a way to smuggle: refused, also when both are equal. */
        bool is_first = !fields->has_length;
        fields->has_length = true;
        return is_first && bytes_parse_u64(value, &fields->length);
    }
    if (equal_ignoring_case(name, "transfer-encoding")) {
        fields->is_chunked = true;
    } else if (equal_ignoring_case(name, "connection")) {
        fields->says_close = equal_ignoring_case(value, "close");
        fields->says_keep_alive = equal_ignoring_case(value, "keep-alive");
    }
    return true;
}

/* "HTTP/1.<minor> <code>[ <reason>]". False: malformed. */
static bool status_line_parse(struct bytes line, uint32_t *minor, uint32_t *code) {
    struct bytes version = line_take_word(&line);
    struct bytes number = line_take_word(&line);
    return version.size == 8 && line_begins(version, "HTTP/1.") &&
           bytes_parse_u32(bytes_of(version.data + 7, 1), minor) && number.size == 3 &&
           bytes_parse_u32(number, code);
}

static enum reply_kind kind_of(uint32_t code, enum request_kind request) {
    if (code == 404) {
        return REPLY_MISS;
    }
    if (code >= 300) {
        return REPLY_ERROR;
    }
    return request == REQUEST_GET ? REPLY_VALUE : REPLY_STORED;
}

/* Lines up to the empty one; *size gets the bytes of all of them. */
static enum reply_status fields_parse(struct bytes input, struct reply_head *head, struct fields *fields,
                                      size_t *size) {
    for (size_t at = 0; at < REPLY_HEAD_SIZE_MAX;) {
        struct bytes line;
        enum reply_status status = line_take(bytes_of(input.data + at, input.size - at), head, &line);
        if (status != REPLY_READ) {
            return status;
        }
        at += line.size + 2;
        *size = at;
        if (line.size == 0) {
            return REPLY_READ;
        }
        if (!field_parse(line, fields)) {
            head->reason = "a malformed header field";
            return REPLY_BAD;
        }
    }
    head->reason = "a head without an end";
    return REPLY_BAD;
}

/*
 * Whether a beginning of `input` can still become a status line; so that something else altogether is noticed
 * at once.
 */
static bool may_be_http(struct bytes input) {
    static const char version[] = "HTTP/1.";
    size_t size = input.size < sizeof(version) - 1 ? input.size : sizeof(version) - 1;
    return size == 0 || memcmp(input.data, version, size) == 0;
}

static enum reply_status framing_check(const struct fields *fields, uint32_t code, struct reply_head *head) {
    if (fields->is_chunked) {
        head->reason = "Transfer-Encoding: only bodies with a Content-Length are understood";
        return REPLY_BAD;
    }
    if (!fields->has_length && code != 204 && code != 304) {
        head->reason = "a response without Content-Length";
        return REPLY_BAD;
    }
    head->body_size = fields->length;
    return REPLY_READ;
}

static enum reply_status head_parse(struct bytes input, enum request_kind request, struct reply_head *head) {
    struct bytes line;
    struct fields fields = {0};
    uint32_t minor;
    uint32_t code;
    size_t fields_size;
    *head = (struct reply_head){.reason = "no response of HTTP/1"};
    if (!may_be_http(input)) {
        return REPLY_BAD;
    }
    enum reply_status status = line_take(input, head, &line);
    if (status != REPLY_READ) {
        return status;
    }
    if (!status_line_parse(line, &minor, &code) || code < 200) {
        head->reason = "a status line that is malformed, or an interim response";
        return REPLY_BAD;
    }
    size_t line_size = line.size + 2;
    struct bytes rest = bytes_of(input.data + line_size, input.size - line_size);
    status = fields_parse(rest, head, &fields, &fields_size);
    if (status != REPLY_READ) {
        return status;
    }
    head->line = line;
    head->head_size = line_size + fields_size;
    head->kind = kind_of(code, request);
    head->closes = fields.says_close || (minor == 0 && !fields.says_keep_alive);
    return framing_check(&fields, code, head);
}

const struct protocol protocol_http = {
    .name = "http",
    .title = "HTTP/1.1",
    .default_port = "80",
    .get = "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n",
    .set_head = "PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: ",
    .set_middle = "\r\n\r\n",
    .set_end = "",
    .hit = "",
    .hit_tail = "",
    .stored = "",
    .parse = head_parse,
};
