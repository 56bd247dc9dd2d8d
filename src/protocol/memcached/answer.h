/* SPDX-License-Identifier: MIT
 *
 * answer: the lines that clients are answered with: errors letter for letter, hits of the get family, the
 * return flags of meta commands (README.md, "Error lines", "Classic commands", "Meta commands").
 *
 * Those that write in place take `at`, where there is room, and return behind what they wrote.
 */
#ifndef MEMCACHED_ANSWER_H
#define MEMCACHED_ANSWER_H

#include "number.h"
#include "parse_meta.h"
#include "riposte/reply.h"
#include "service.h"

/* The line with its end; static storage. Empty where the connection is closed without a word. */
struct bytes answer_error(enum mc_error error);

enum {
    /* Most bytes of "VALUE <key> <flags> <bytes> <cas>\r\n". */
    ANSWER_VALUE_LINE_SIZE_MAX = 6 + STORE_KEY_SIZE_MAX + 1 + 10 + 1 + 10 + 1 + 20 + 2,

    /* Most bytes of the line of a meta command's answer: code and size, a key in base64, an opaque, every
       number once, three marks, the line end. */
    ANSWER_META_LINE_SIZE_MAX = 768,

    /* The class of every item, where memcached tells its slab class. */
    ANSWER_ITEM_CLASS = 1,
};

enum {
    ANSWER_END_SIZE = 5,
    /* Most bytes around a value. */
    ANSWER_AROUND_SIZE_MAX = ANSWER_VALUE_LINE_SIZE_MAX + PARSE_LINE_END_SIZE + ANSWER_END_SIZE,
};

/* `VALUE <key> <flags> <bytes>`, the beginning of every hit. */
static inline char *answer_value_line(char *at, struct bytes key, uint32_t client_flags, size_t value_size) {
    memcpy(at, "VALUE ", 6);
    at = bytes_copy(at + 6, key);
    *at++ = ' ';
    at = number_write(at, client_flags);
    *at++ = ' ';
    return number_write(at, value_size);
}

/* `VALUE <key> <flags> <bytes>[ <cas>]\r\n<data>\r\n`: one hit, followed by "END\r\n" when `last`. */
void answer_value(struct memcached_worker *worker, struct reply *reply, const struct item_view *view,
                  bool with_cas, bool last);

/* The data alone, copied or pinned, for a line that stands before it already. */
void answer_value_data(struct memcached_worker *worker, struct reply *reply, const struct item_view *view);

/* Bytes of the item with key and value, as listings show it. */
static inline size_t answer_item_size(const struct item_view *view) {
    return store_item_charge(view->key.size, view->value.size, view->client_flags != 0);
}

/* What the flags of an answer say. */
struct answer_meta {
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
 * Writes a space and the flag for each one of the line's flags that the answer knows, in the order of the
 * line.
 */
char *answer_meta_flags(char *at, const struct bytes *flag, unsigned flags_count,
                        const struct answer_meta *answer);

/* The seconds left until `expires_tick` as t shows them: -1 for never. */
char *answer_meta_ttl(char *at, uint32_t expires_tick, uint32_t now_tick);

/* The key, in base64 when `encode`. */
char *answer_meta_key(char *at, struct bytes key, bool encode);

#endif
