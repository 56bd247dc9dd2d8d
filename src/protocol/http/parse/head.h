/* SPDX-License-Identifier: MIT
 *
 * head: the head of a request (RFC 9112 sections 2 to 5): request line, fields, empty line.
 *
 *      GET /cache/a HTTP/1.1 CRLF
 *      Host: localhost CRLF            every field is checked; those of enum http_field are kept
 *      CRLF
 *
 * Pure: reads the input, keeps no state, allocates nothing; what it returns are slices of the input. Strict:
 * a lone CR or LF, folded lines, space around names, control bytes and whatever else two readers could read
 * in two ways is refused. The first fault in the order of the bytes is the one that is told, so the verdict
 * on a part of a head is MORE or the verdict on the whole: how a head is cut on its way changes nothing. A
 * head that comes byte by byte is read from its first byte each time. That is bounded by HTTP_HEAD_SIZE_MAX,
 * and costs no more than some receives of one byte do.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdint.h>

#include "riposte/bytes.h"
#include "status.h"

enum {
    HTTP_HEAD_SIZE_MAX = 16 * 1024,  /* bytes, both line ends at the end included; more: 431 */
    HTTP_HEAD_FIELDS_MAX = 100,      /* field lines; more: 431 */
    HTTP_HEAD_TARGET_SIZE_MAX = 8192 /* bytes; more: 414 */
};

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_PUT,
    HTTP_POST,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_CONNECT, /* this and the next two are known, and allowed nowhere */
    HTTP_PATCH,
    HTTP_TRACE,
    HTTP_METHOD_UNKNOWN,
};

/* Fields that somebody here asks for, shortest name first. */
enum http_field {
    HTTP_HOST,
    HTTP_RANGE,
    HTTP_EXPECT,
    HTTP_ORIGIN,
    HTTP_REFERER,
    HTTP_IF_MATCH,
    HTTP_IF_RANGE,
    HTTP_CONNECTION,
    HTTP_USER_AGENT,
    HTTP_CONTENT_TYPE,
    HTTP_AUTHORIZATION,
    HTTP_CACHE_CONTROL,
    HTTP_CONTENT_RANGE,
    HTTP_IF_NONE_MATCH,
    HTTP_CONTENT_LENGTH,
    HTTP_ACCEPT_ENCODING,
    HTTP_CONTENT_ENCODING,
    HTTP_IF_MODIFIED_SINCE,
    HTTP_TRANSFER_ENCODING,
    HTTP_IF_UNMODIFIED_SINCE,
    HTTP_FIELDS_COUNT, /* any other */
};

struct http_head {
    enum http_method method;
    struct bytes method_text; /* as sent */
    unsigned minor;           /* of the version HTTP/1.x: 0 or 1 */
    struct bytes target;      /* as sent; 1 to HTTP_HEAD_TARGET_SIZE_MAX bytes, no control byte, no space */
    bool target_is_plain;     /* nothing in it is '#', '%' or '?' */
    size_t size;              /* bytes of the head, the empty line included */
    enum http_status status;  /* of BAD */
    uint32_t seen;            /* bit n: the field n of enum http_field is there */
    uint32_t doubled;         /* bit n: it is there more than once */
    unsigned char first[HTTP_FIELDS_COUNT]; /* where in `fields` the first of each is, where it is there */
    unsigned fields_count;                  /* of `fields` */
    struct http_head_field {
        enum http_field name;
        struct bytes value;         /* without white space at its ends */
    } fields[HTTP_HEAD_FIELDS_MAX]; /* in the order they came */
};

/*
 * Reads a head off the front of `input`. OK: *head is filled, but `status`. BAD: head->status is 400, 414,
 * 431 or 505, and the connection cannot go on. One
 * empty line before the request line is skipped (RFC 9112 section 2.2).
 */
enum http_parse http_head_parse(struct bytes input, struct http_head *head);

/*
 * The beginning of that alone: fills method, method_text, target and target_is_plain of a head that begins with them, and returns
 * how many bytes they are with the space behind the target. 0, and these fields without meaning, where they are not whole, not good, or behind an empty line.
 */
size_t http_head_start(struct bytes input, struct http_head *head);

static inline bool http_head_has(const struct http_head *head, enum http_field name) {
    return (head->seen >> name & 1) != 0;
}

/*
 * The next field of that name at or behind *position (0 at first), moving it on. False when there is none. A
 * field that is a list may stand in several lines.
 */
bool http_head_next(const struct http_head *head, enum http_field name, unsigned *position,
                    struct bytes *value);

/* The first field of that name; data is NULL when there is none. */
static inline struct bytes http_head_find(const struct http_head *head, enum http_field name) {
    return http_head_has(head, name) ? head->fields[head->first[name]].value : bytes_of(NULL, 0);
}

/* True when exactly one line bears that name. */
static inline bool http_head_has_one(const struct http_head *head, enum http_field name) {
    return http_head_has(head, name) && (head->doubled >> name & 1) == 0;
}

#endif
