/* SPDX-License-Identifier: MIT
 *
 * dialect: one of the protocols the generator speaks: how its requests are spelled and who reads its replies.
 *
 * (A struct protocol, in include/riposte, is the server's side of the same thing.)
 */
#ifndef LOAD_DIALECT_H
#define LOAD_DIALECT_H

#include <stdbool.h>

#include "reply.h"

enum dialect_kind {
    DIALECT_MEMCACHED,
    DIALECT_META,
    DIALECT_NOOP,
    DIALECT_HTTP,
    DIALECT_RESP,
    DIALECT_COUNT
};

/*
 * Request texts, with places to fill in: {key} {key_size} {host} {path} {meta_flags} {value_size}. A set is
 * set_head, the size of the value in decimal, set_middle, the value, set_end.
 */
struct dialect {
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
    reply_parse *parse;
};

const struct dialect *dialect_of(enum dialect_kind kind);

#endif
