/* SPDX-License-Identifier: MIT
 *
 * parse_meta: the arguments of a meta command, `<key> [<bytes>] <flag>*` (README.md, "Meta commands").
 *
 * A flag is one letter with its argument stuck to it. What flags ask for stands here decoded; what they want
 * back is answered by going through `flags` once more, because the answer keeps their order.
 */
#ifndef MEMCACHED_PARSE_META_H
#define MEMCACHED_PARSE_META_H

#include "parse.h"

enum {
    META_TOKENS_MAX = 20, /* words of a meta command, itself included */
    META_FLAGS_MAX = META_TOKENS_MAX - 2,
    META_OPAQUE_SIZE_MAX = 32, /* bytes of an O flag, its letter included */
};

struct meta {
    struct bytes key;      /* 1 to 250 bytes, decoded; borrowed from the line, or from `decoded` */
    struct bytes key_text; /* the same as it was sent */
    struct bytes flags;    /* the first flag to the last, as one text; borrowed from the line */
    uint64_t letters;      /* one bit for each flag that is there: parse_meta_has */
    bool key_is_binary;    /* b */
    char mode;             /* of M; 0 without, META_MODE_NONE with M alone */
    uint32_t value_size;   /* ms: bytes of the data block */
    uint32_t client_flags; /* F */
    int32_t ttl;           /* T */
    int32_t create_ttl;    /* N */
    int32_t recache_time;  /* R */
    uint64_t cas_expected; /* C */
    uint64_t cas_new;      /* E */
    uint64_t initial;      /* J */
    uint64_t delta;        /* D; 1 without */

    enum mc_error error;   /* exactly when PARSE_BAD */
    uint32_t swallow_size; /* PARSE_BAD of ms: bytes behind the line to be skipped */

    /* From here on only what was read is there. */
    unsigned flags_count;
    struct bytes flag[META_FLAGS_MAX]; /* flags_count of them, none empty */
    char decoded[STORE_KEY_SIZE_MAX];  /* a binary key's bytes */
};

enum { META_MODE_NONE = ' ' };

/* What parse_meta_split returns when a word is no flag. */
enum { META_FLAG_NONE = UINT16_MAX };

/* The bit of a letter: 'A' to 'z' is 58 of them. */
#define META_LETTER(letter) (UINT64_C(1) << ((letter) - 'A'))

static inline bool parse_meta_has(const struct meta *meta, char letter) {
    return (meta->letters & META_LETTER(letter)) != 0;
}

/*
 * Cuts the text of a line's flags. Returns how many there are, of which the first META_FLAGS_MAX are in
 * `flag`; or META_FLAG_NONE when one begins with neither letter nor digit.
 */
unsigned parse_meta_split(struct bytes text, struct bytes *flag);

/* True when `later` stands behind `earlier` in the line and both are there. */
bool parse_meta_ordered(const struct meta *meta, char earlier, char later);

/*
 * Reads what follows the name of a meta command of one of the four shapes. Pure, as mc_parse_line. PARSE_OK,
 * or PARSE_BAD with error and swallow_size.
 */
enum parse_status mc_parse_meta(enum command_shape shape, struct bytes arguments, struct meta *meta);

#endif
