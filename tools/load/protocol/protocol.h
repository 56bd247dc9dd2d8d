/* SPDX-License-Identifier: MIT
 *
 * protocol: one of the protocols that the generator speaks: how its requests are spelled, and what its replies
 * say. Each has a file of its own, protocol_<name>.c, and a row in protocol.c.
 *
 *      | head (head_size) | body (body_size) | tail (tail.size), always the same bytes |
 *        VALUE k 0 5\r\n     hello              \r\nEND\r\n
 *
 * A parser of heads is pure: it reads at most input.size bytes, keeps nothing, allocates nothing. Slices in the
 * result live as long as the input.
 *
 * (A struct protocol of include/riposte is the server's side of the same thing; no file sees both.)
 */
#ifndef LOAD_PROTOCOL_H
#define LOAD_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"
#include "workload.h"

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

enum protocol_kind {
    PROTOCOL_MEMCACHED,
    PROTOCOL_META,
    PROTOCOL_NOOP,
    PROTOCOL_HTTP,
    PROTOCOL_RESP,
    PROTOCOL_COUNT
};

/*
 * Request texts, with places to fill in: {key} {key_size} {host} {path} {meta_flags} {value_size}. A set is
 * set_head, the size of the value in decimal, set_middle, the value, set_end.
 */
struct protocol {
    const char *name;  /* also the scheme of a target */
    const char *title; /* for reports */
    const char *default_port;
    bool is_bare; /* requests name no key, replies carry no value, nothing can be stored: set texts are "" */
    const char *get;
    const char *set_head;
    const char *set_middle;
    const char *set_end;
    const char *hit; /* head of the reply to a get that finds its key; "" where it is not always the same */
    const char *hit_tail;
    const char *stored; /* the reply to a set; "" where it is not always the same */

    /* The head of the reply to a request of this kind. */
    enum reply_status (*parse)(struct bytes input, enum request_kind request, struct reply_head *head);
};

const struct protocol *protocol_of(enum protocol_kind kind);

/* The rows, one of each kind. */
extern const struct protocol protocol_memcached; /* classic commands get and set */
extern const struct protocol protocol_meta;      /* memcached's meta commands mg and ms */
extern const struct protocol protocol_noop;      /* its meta command mn: a value of no bytes */
extern const struct protocol protocol_http;      /* HTTP/1.1 with Content-Length */
extern const struct protocol protocol_resp;      /* Redis, Valkey: RESP2, and the null of RESP3 */

#endif
