/* SPDX-License-Identifier: MIT
 *
 * meta_answer: the return flags of a meta command, in the order of its line.
 */
#ifndef MEMCACHED_META_ANSWER_H
#define MEMCACHED_META_ANSWER_H

#include "meta.h"

enum {
    /* Most bytes of an answer's line: code and size, a key in base64, an opaque, every number once, three
       marks, the line end. */
    META_LINE_SIZE_MAX = 768,
};

/* What the flags of an answer say. */
struct meta_answer {
    uint64_t letters;             /* the flags that this answer knows; T and N change what t says */
    struct bytes key;             /* k */
    bool key_is_binary;           /* k is base64 followed by " b" */
    bool key_is_encoded;          /* `key` is base64 already */
    uint64_t cas;                 /* c */
    size_t value_size;            /* s */
    uint32_t client_flags;        /* f */
    uint32_t now_tick;            /* t, l */
    uint32_t expires_tick;        /* t, before T or N in the line */
    uint32_t touch_expires_tick;  /* t, behind T */
    uint32_t create_expires_tick; /* t, behind N */
    uint32_t used_tick;           /* l */
    bool fetched;                 /* h */
};

/*
 * Writes a space and the flag for each one of the line's flags that the answer knows; returns behind the
 * last.
 */
char *meta_answer_flags(char *at, const struct bytes *flag, unsigned flags_count,
                        const struct meta_answer *answer);

/* The seconds left until `expires_tick` as t shows them: -1 for never. */
char *meta_answer_ttl(char *at, uint32_t expires_tick, uint32_t now_tick);

/* The key, in base64 when it is binary and not yet encoded. */
char *meta_answer_key(char *at, struct bytes key, bool encode);

#endif
