/* SPDX-License-Identifier: MIT
 *
 * portable: items as a stream that does not know how a store lays them out: a store of any version writes it, one of any version reads it.
 *
 *      piece   magic 8 | checksum 8 of all behind it | frame | frame | ...
 *      frame   kind 4 | size 4 of all behind it | size of the fields 2 | fields | rest
 *
 *      STORE   first of all: the clock, the sequence of numbers, what waits; rest: the note (store_note)
 *      ITEM    rest: key, value
 *
 * How it lives through versions: a kind that a reader does not know is passed over; fields are only ever added at the end, a reader takes
 * those that it knows; a mark that it does not know means nothing to it. What can be done neither way gets another magic, which is refused.
 *
 * Numbers are in the machine's own order: both sides are on one machine. Times of items are ticks, seconds on the clock of the one that
 * writes, which STORE ties to CLOCK_MONOTONIC. Pure; what is read may be anything.
 */
#ifndef RIPOSTE_STORE_PORTABLE_H
#define RIPOSTE_STORE_PORTABLE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"

#define PORTABLE_MAGIC UINT64_C(0x31736d6574697072) /* "rpitems1" */

enum {
    PORTABLE_PIECE_HEAD_SIZE = 16,
    PORTABLE_FRAME_HEAD_SIZE = 10,
    PORTABLE_FRAME_SIZE_MAX =
        (1 << 30) + (1 << 20), /* behind its size: the largest item (-I), and some more */
};

enum portable_kind { PORTABLE_STORE = 1, PORTABLE_ITEM = 2 };

enum portable_mark {
    PORTABLE_KEY_BINARY = 1, /* the client wrote the key in base64 */
    PORTABLE_STALE = 2,      /* kept as out of date */
    PORTABLE_WON = 4,        /* somebody was told to recompute the value */
    PORTABLE_FETCHED = 8,    /* was read since it was stored */
    PORTABLE_USED = 16,      /* it has been found worth keeping: in the queue of such items */
    PORTABLE_CAS_SHOWN =
        32, /* a client may have been told its number, which stays; without this and the next a higher one will do */
    PORTABLE_CAS_GIVEN = 64, /* a client has chosen its number */
};

/* What a store says before its items. */
struct portable_store {
    uint64_t begin_ns;   /* CLOCK_MONOTONIC, when */
    uint64_t begin_tick; /* this tick began, */
    /* The same moment by the wall clock, as times of day are counted; modulo 2^64: by one that was set back it is before 1970. */
    uint64_t begin_unix_s;
    uint64_t now_tick;
    uint64_t sequence;      /* the highest number that it has given out */
    uint64_t flush_at_tick; /* everything is flushed then; 0: never */
    uint64_t items_count;   /* that it has, dead ones included */
};
static_assert(sizeof(struct portable_store) == 56, "no padding: it is written as it stands");

struct portable_item_fields {
    uint64_t cas;
    uint64_t expires_tick; /* 0: never */
    uint64_t used_tick;    /* of the last use */
    uint32_t client_flags;
    uint32_t marks;    /* enum portable_mark */
    uint32_t uses;     /* lately: more is better */
    uint32_t key_size; /* bytes, 1 to STORE_KEY_SIZE_MAX */
};
static_assert(sizeof(struct portable_item_fields) == 40, "as above");

/* Key and value are borrowed from where it is read or written from. */
struct portable_item {
    struct portable_item_fields fields;
    struct bytes key, value;
};

struct portable_frame {
    uint32_t kind;
    struct bytes fields, rest; /* borrowed */
};

enum portable_outcome {
    PORTABLE_OK,
    PORTABLE_MORE, /* this may be the begin of one */
    PORTABLE_BAD,
};

/* Reads the frame that `bytes` begin with; *size is what it takes, *frame says what is in it. Both are valid with OK. */
enum portable_outcome portable_read(struct bytes bytes, struct portable_frame *frame, size_t *size);

/* False: not what such a frame may say. */
bool portable_read_store(const struct portable_frame *frame, struct portable_store *store,
                         struct bytes *note);
bool portable_read_item(const struct portable_frame *frame, struct portable_item *item);

/* Bytes of the frames. */
size_t portable_store_size(struct bytes note);
size_t portable_item_size(const struct portable_item *item);

/* Write one to `at`; return what is behind it. */
char *portable_write_store(char *at, const struct portable_store *store, struct bytes note);
char *portable_write_item(char *at, const struct portable_item *item);

/* The head of a piece of `size` bytes in all, whose frames are there. */
void portable_seal(char *piece, size_t size);

/* The frames of a piece. False: it is none, or damaged. */
bool portable_open(struct bytes piece, struct bytes *frames);

#endif
