/* SPDX-License-Identifier: MIT
 *
 * reply: the head of one reply, as each protocol's parser reports it: what it is, and how many bytes of body
 * follow.
 *
 *      | head (head_size) | body (body_size) | tail (tail.size), always the same bytes |
 *        VALUE k 0 5\r\n     hello              \r\nEND\r\n
 *
 * A parser is pure: it reads at most input.size bytes, keeps nothing, allocates nothing. Slices in the result
 * live as long as the input.
 */
#ifndef LOAD_REPLY_H
#define LOAD_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"

enum request_kind { REQUEST_GET, REQUEST_SET };

enum reply_kind {
    REPLY_VALUE,  /* the key was found, its value follows */
    REPLY_MISS,   /* no such key; a body, if any, is passed over */
    REPLY_STORED, /* a set was done */
    REPLY_ERROR,  /* the server refused, in the protocol's own words */
};

enum reply_status {
    REPLY_READ, /* *head is filled */
    REPLY_MORE, /* a beginning of a reply; more bytes are needed */
    REPLY_BAD,  /* no reply of this protocol; head->reason says why */
};

/* A head that is not complete after so many bytes is bad. */
enum { REPLY_HEAD_SIZE_MAX = 8192 };

struct reply_head {
    enum reply_kind kind;
    bool closes;        /* the server closes the connection behind this reply (HTTP) */
    bool has_key;       /* the reply names its key */
    struct bytes key;   /* borrowed from the input */
    struct bytes line;  /* the first line without its end, for messages; borrowed from the input */
    size_t head_size;   /* bytes */
    uint64_t body_size; /* bytes */
    struct bytes tail;  /* what must follow the body; static text */
    const char *reason; /* of REPLY_BAD; static text */
};

/* The reply to a request of this kind, in one of the protocols. */
typedef enum reply_status reply_parse(struct bytes input, enum request_kind request, struct reply_head *head);

reply_parse reply_parse_text; /* memcached, classic commands */
reply_parse reply_parse_meta; /* memcached, meta commands */
reply_parse reply_parse_noop; /* memcached, meta command mn: a value of no bytes */
reply_parse reply_parse_resp; /* Redis, Valkey: RESP2, and the null of RESP3 */
reply_parse reply_parse_http; /* HTTP/1.1 with Content-Length */

#endif
