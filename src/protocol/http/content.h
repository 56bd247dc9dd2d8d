/* SPDX-License-Identifier: MIT
 *
 * content: the media type and the content coding of a stored value, as a number that the store keeps.
 *
 * A value that is PUT keeps its Content-Type and Content-Encoding, and has to be readable through memcached,
 * unchanged, and in one look-up. So they are not put into the value; their pair gets a number, and the number
 * is part of the item's client flags:
 *
 *      31      24 23                 0
 *      |  0x48  |      number        |     client_flags of a value with a type; 0x48 is 'H'
 *
 * Flags 0, and all flags that memcached clients set for purposes of their own, mean
 * application/octet-stream. The usual types have the same number in every process, below
 * HTTP_CONTENT_UNUSUAL_FIRST; others get the next one when they are first met, and keep it as long as the items live: a note
 * beside them says which. Numbers below HTTP_CONTENTS_MAX are given; then new pairs are refused and the known ones go on.
 */
#ifndef HTTP_CONTENT_H
#define HTTP_CONTENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "riposte/bytes.h"

enum {
    HTTP_CONTENTS_MAX = 4096,
    HTTP_CONTENT_UNUSUAL_FIRST = 256,  /* a version with more usual types finds the same others */
    HTTP_CONTENT_TYPE_SIZE_MAX = 100,  /* bytes */
    HTTP_CONTENT_CODING_SIZE_MAX = 24, /* bytes */
    HTTP_CONTENTS_NOTE_HEAD_SIZE = 12, /* bytes */
    HTTP_CONTENTS_NOTE_PAIR_SIZE = 4,  /* bytes, before the texts */
    HTTP_CONTENTS_NOTE_SIZE_MAX =
        HTTP_CONTENTS_NOTE_HEAD_SIZE +
        (HTTP_CONTENTS_MAX - HTTP_CONTENT_UNUSUAL_FIRST) *
            (HTTP_CONTENTS_NOTE_PAIR_SIZE + HTTP_CONTENT_TYPE_SIZE_MAX + HTTP_CONTENT_CODING_SIZE_MAX)
};

struct http_content {
    struct bytes type;   /* of the program or owned by the contents; lives as long as they */
    struct bytes coding; /* size 0: none */
};

struct http_contents {
    _Atomic uint32_t count; /* numbers that are given, and what lies between them: grows only */
    struct http_content
        *pairs;           /* HTTP_CONTENTS_MAX, owned; does not change below `count`; no type: not given */
    pthread_mutex_t lock; /* of adding */
};

/* 0 or -ENOMEM. */
int http_contents_init(struct http_contents *contents);
void http_contents_deinit(struct http_contents *contents);

enum http_content_outcome {
    HTTP_CONTENT_OK,
    HTTP_CONTENT_BAD,  /* not a media type, not a coding, or too long */
    HTTP_CONTENT_FULL, /* a new pair, and no room for it; or memory has ended */
};

/*
 * The client flags for a value of that type and coding; either may have size 0. The type is checked for its
 * form (RFC 9110 section 8.3.1) and for what would be dangerous in a head. Any thread.
 */
enum http_content_outcome http_content_flags(struct http_contents *contents, struct bytes type,
                                             struct bytes coding, uint32_t *client_flags);

/* What client flags say of a value. Any thread. */
struct http_content http_content_of(const struct http_contents *contents, uint32_t client_flags);

/*
 * The note of the numbers that are not the usual ones:
 *
 *      | "HTC1" | u32 next number | u32 pairs | { u16 number | u8 size | u8 size | type | coding } ... |
 *
 * in the byte order of the machine, which does not change while the items live.
 */

/* Its size; 0: there is nothing to note. While no pair is added. */
size_t http_contents_save(const struct http_contents *contents, char note[HTTP_CONTENTS_NOTE_SIZE_MAX]);

/*
 * Takes a note into contents that have only the usual ones; size 0: none. False: it is damaged, or memory has ended, and
 * what was not taken reads as application/octet-stream. In each case no number is given that it may have
 * used: where its head is damaged, none at all. Before any other thread.
 */
bool http_contents_load(struct http_contents *contents, struct bytes note);

/* True for flags that name a type: a browser could take the value for a page or a script. */
static inline bool http_content_is_typed(uint32_t client_flags) {
    return client_flags >> 24 == 0x48;
}

#endif
