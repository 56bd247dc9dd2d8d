/* SPDX-License-Identifier: MIT
 *
 * head: one pass over the bytes; targets and values are scanned by vectors, names by a table.
 */
#include "head.h"

#include "riposte/check.h"
#include "scan.h"
#include "text.h"

struct head_reader {
    const char *begin; /* of the input */
    const char *at;    /* the next byte */
    const char *end;
};

static enum http_parse head_bad(struct http_head *head, enum http_status status) {
    head->status = status;
    return HTTP_PARSE_BAD;
}

/* CRLF and nothing else. */
static enum http_parse read_line_end(struct head_reader *reader, struct http_head *head) {
    size_t left = (size_t)(reader->end - reader->at);
    if (likely(left >= 2 && reader->at[0] == '\r' && reader->at[1] == '\n')) {
        reader->at += 2;
        return HTTP_PARSE_OK;
    }
    if (left == 0 || (left == 1 && *reader->at == '\r')) {
        return HTTP_PARSE_MORE;
    }
    return head_bad(head, HTTP_STATUS_BAD_REQUEST);
}

/* --- the request line ----------------------------------------------------------------------------------- */

static enum http_method method_of(struct bytes text) {
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {
        {"GET", HTTP_GET},         {"HEAD", HTTP_HEAD},     {"PUT", HTTP_PUT},
        {"POST", HTTP_POST},       {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS},
        {"CONNECT", HTTP_CONNECT}, {"PATCH", HTTP_PATCH},   {"TRACE", HTTP_TRACE},
    };
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (bytes_equal_string(text, methods[i].name)) {
            return methods[i].method;
        }
    }
    return HTTP_METHOD_UNKNOWN;
}

static __attribute__((noinline)) enum http_parse read_any_method(struct head_reader *reader,
                                                                 struct http_head *head) {
    const char *begin = reader->at;
    while (reader->at < reader->end && http_text_is_token(*reader->at)) {
        reader->at++;
    }
    if (reader->at == reader->end) {
        return HTTP_PARSE_MORE;
    }
    if (*reader->at != ' ' || reader->at == begin) {
        return head_bad(head, HTTP_STATUS_BAD_REQUEST);
    }
    head->method_text = bytes_of(begin, (size_t)(reader->at - begin));
    head->method = method_of(head->method_text);
    reader->at++;
    return HTTP_PARSE_OK;
}

static inline enum http_parse read_method(struct head_reader *reader, struct http_head *head) {
    if (unlikely(reader->end - reader->at < 4 || memcmp(reader->at, "GET ", 4) != 0)) {
        return read_any_method(reader, head);
    }
    head->method = HTTP_GET;
    head->method_text = bytes_of(reader->at, 3);
    reader->at += 4;
    return HTTP_PARSE_OK;
}

static inline_always enum http_parse read_target(struct head_reader *reader, struct http_head *head) {
    const char *begin = reader->at;
    bool marked;
    const char *end = http_scan_target(reader->begin, begin, reader->end, &marked);
    size_t size = (size_t)(end - begin);
    if (unlikely(size > HTTP_HEAD_TARGET_SIZE_MAX)) {
        return head_bad(head, HTTP_STATUS_URI_TOO_LONG);
    }
    if (end == reader->end) {
        return HTTP_PARSE_MORE;
    }
    if (unlikely(*end != ' ' || size == 0)) {
        return head_bad(head, HTTP_STATUS_BAD_REQUEST);
    }
    head->target = bytes_of(begin, size);
    head->target_is_plain = !marked;
    reader->at = end + 1;
    return HTTP_PARSE_OK;
}

/* Of "HTTP/", a digit, a point, a digit. */
static bool version_fits(char byte, size_t position) {
    static const char form[] = "HTTP/0.0";
    return form[position] == '0' ? http_text_is_digit(byte) : byte == form[position];
}

static enum http_parse read_version(struct head_reader *reader, struct http_head *head) {
    enum { VERSION_SIZE = 8 };
    size_t left = (size_t)(reader->end - reader->at);
    for (size_t i = 0; i < VERSION_SIZE && i < left; i++) {
        if (!version_fits(reader->at[i], i)) {
            return head_bad(head, HTTP_STATUS_BAD_REQUEST);
        }
    }
    if (left < VERSION_SIZE) {
        return HTTP_PARSE_MORE;
    }
    char major = reader->at[5];
    char minor = reader->at[7];
    if (major != '1' || minor > '1') {
        return head_bad(head, HTTP_STATUS_VERSION_NOT_SUPPORTED);
    }
    head->minor = (unsigned)(minor - '0');
    reader->at += VERSION_SIZE;
    return HTTP_PARSE_OK;
}

static enum http_parse read_request_line(struct head_reader *reader, struct http_head *head) {
    enum http_parse parsed = read_method(reader, head);
    if (parsed == HTTP_PARSE_OK) {
        parsed = read_target(reader, head);
    }
    if (likely(parsed == HTTP_PARSE_OK && reader->end - reader->at >= 10 &&
               memcmp(reader->at, "HTTP/1.1\r\n", 10) == 0)) {
        head->minor = 1;
        reader->at += 10;
        return HTTP_PARSE_OK;
    }
    if (parsed == HTTP_PARSE_OK) {
        parsed = read_version(reader, head);
    }
    return parsed == HTTP_PARSE_OK ? read_line_end(reader, head) : parsed;
}

/* --- fields ----------------------------------------------------------------------------------------------- */

enum { FIELD_NAME_SIZE_MAX = 19 };

static const char field_names[HTTP_FIELDS_COUNT][FIELD_NAME_SIZE_MAX + 1] = {
    [HTTP_HOST] = "host",
    [HTTP_RANGE] = "range",
    [HTTP_EXPECT] = "expect",
    [HTTP_ORIGIN] = "origin",
    [HTTP_REFERER] = "referer",
    [HTTP_IF_MATCH] = "if-match",
    [HTTP_IF_RANGE] = "if-range",
    [HTTP_CONNECTION] = "connection",
    [HTTP_USER_AGENT] = "user-agent",
    [HTTP_CONTENT_TYPE] = "content-type",
    [HTTP_AUTHORIZATION] = "authorization",
    [HTTP_CACHE_CONTROL] = "cache-control",
    [HTTP_CONTENT_RANGE] = "content-range",
    [HTTP_IF_NONE_MATCH] = "if-none-match",
    [HTTP_CONTENT_LENGTH] = "content-length",
    [HTTP_ACCEPT_ENCODING] = "accept-encoding",
    [HTTP_CONTENT_ENCODING] = "content-encoding",
    [HTTP_IF_MODIFIED_SINCE] = "if-modified-since",
    [HTTP_TRANSFER_ENCODING] = "transfer-encoding",
    [HTTP_IF_UNMODIFIED_SINCE] = "if-unmodified-since",
};

/* The fields whose names have n bytes are those from first_of_size[n] to before first_of_size[n + 1]. */
static const unsigned char first_of_size[FIELD_NAME_SIZE_MAX + 2] = {
    [5] = HTTP_RANGE,
    [6] = HTTP_EXPECT,
    [7] = HTTP_REFERER,
    [8] = HTTP_IF_MATCH,
    [9] = HTTP_CONNECTION,
    [10] = HTTP_CONNECTION,
    [11] = HTTP_CONTENT_TYPE,
    [12] = HTTP_CONTENT_TYPE,
    [13] = HTTP_AUTHORIZATION,
    [14] = HTTP_CONTENT_LENGTH,
    [15] = HTTP_ACCEPT_ENCODING,
    [16] = HTTP_CONTENT_ENCODING,
    [17] = HTTP_IF_MODIFIED_SINCE,
    [18] = HTTP_IF_UNMODIFIED_SINCE,
    [19] = HTTP_IF_UNMODIFIED_SINCE,
    [20] = HTTP_FIELDS_COUNT,
};

/* A token is compared by setting the bit that makes letters small: no other byte of a token becomes one by it. */
static bool name_is(struct bytes name, const char *lower) {
    for (size_t i = 0; i < name.size; i++) {
        if ((name.data[i] | 0x20) != lower[i]) {
            return false;
        }
    }
    return true;
}

static enum http_field field_of(struct bytes name) {
    if (name.size > FIELD_NAME_SIZE_MAX) {
        return HTTP_FIELDS_COUNT;
    }
    for (unsigned i = first_of_size[name.size]; i < first_of_size[name.size + 1]; i++) {
        if (name_is(name, field_names[i])) {
            return i;
        }
    }
    return HTTP_FIELDS_COUNT;
}

/* A name and its colon. */
static enum http_parse read_name(struct head_reader *reader, struct http_head *head, enum http_field *field) {
    const char *begin = reader->at;
    const char *at = begin;
    while (at < reader->end && http_text_is_token(*at)) {
        at++;
    }
    if (at == reader->end) {
        return HTTP_PARSE_MORE;
    }
    if (unlikely(*at != ':' || at == begin)) {
        return head_bad(head, HTTP_STATUS_BAD_REQUEST);
    }
    *field = field_of(bytes_of(begin, (size_t)(at - begin)));
    reader->at = at + 1;
    return HTTP_PARSE_OK;
}

static void field_keep(struct http_head *head, enum http_field field, struct bytes value) {
    uint32_t bit = UINT32_C(1) << field;
    if (likely((head->seen & bit) == 0)) {
        head->first[field] = (unsigned char)head->fields_count;
    }
    head->doubled |= head->seen & bit;
    head->seen |= bit;
    head->fields[head->fields_count++] = (struct http_head_field){field, value};
}

static enum http_parse read_field(struct head_reader *reader, struct http_head *head, unsigned *lines) {
    enum http_field field;
    if (unlikely(*lines == HTTP_HEAD_FIELDS_MAX)) {
        return head_bad(head, HTTP_STATUS_HEAD_TOO_LARGE);
    }
    ++*lines;
    enum http_parse parsed = read_name(reader, head, &field);
    if (parsed != HTTP_PARSE_OK) {
        return parsed;
    }
    const char *value = reader->at;
    while (value < reader->end && http_text_is_space(*value)) {
        value++;
    }
    reader->at = http_scan_value(reader->begin, value, reader->end);
    const char *value_end = reader->at;
    parsed = read_line_end(reader, head);
    if (parsed == HTTP_PARSE_OK && field < HTTP_FIELDS_COUNT) {
        while (value_end > value && http_text_is_space(value_end[-1])) {
            value_end--;
        }
        field_keep(head, field, bytes_of(value, (size_t)(value_end - value)));
    }
    return parsed;
}

/* Fields up to and with the empty line. */
static enum http_parse read_fields(struct head_reader *reader, struct http_head *head) {
    unsigned lines = 0;
    while (reader->at < reader->end) {
        if (*reader->at == '\r') {
            return read_line_end(reader, head);
        }
        enum http_parse parsed = read_field(reader, head, &lines);
        if (parsed != HTTP_PARSE_OK) {
            return parsed;
        }
    }
    return HTTP_PARSE_MORE;
}

/* --- the whole ---------------------------------------------------------------------------------------------- */

enum http_parse http_head_parse(struct bytes input, struct http_head *head) {
    if (input.size == 0) {
        return HTTP_PARSE_MORE;
    }
    bool all = input.size >= HTTP_HEAD_SIZE_MAX;
    struct head_reader reader = {input.data, input.data,
                                 input.data + (all ? HTTP_HEAD_SIZE_MAX : input.size)};
    head->seen = 0;
    head->doubled = 0;
    head->fields_count = 0;
    enum http_parse parsed = HTTP_PARSE_OK;
    if (unlikely(*reader.at == '\r')) {
        parsed = read_line_end(&reader, head);
    }
    if (parsed == HTTP_PARSE_OK) {
        parsed = read_request_line(&reader, head);
    }
    if (parsed == HTTP_PARSE_OK) {
        parsed = read_fields(&reader, head);
    }
    if (unlikely(parsed == HTTP_PARSE_MORE && all)) {
        return head_bad(head, HTTP_STATUS_HEAD_TOO_LARGE);
    }
    head->size = (size_t)(reader.at - input.data);
    return parsed;
}

size_t http_head_start(struct bytes input, struct http_head *head) {
    struct head_reader reader = {input.data, input.data, input.data + input.size};
    bool good = read_method(&reader, head) == HTTP_PARSE_OK && read_target(&reader, head) == HTTP_PARSE_OK;
    return good ? (size_t)(reader.at - input.data) : 0;
}

bool http_head_next(const struct http_head *head, enum http_field name, unsigned *position,
                    struct bytes *value) {
    if (!http_head_has(head, name)) {
        return false;
    }
    while (*position < head->fields_count) {
        const struct http_head_field *field = &head->fields[(*position)++];
        if (field->name == name) {
            *value = field->value;
            return true;
        }
    }
    return false;
}
