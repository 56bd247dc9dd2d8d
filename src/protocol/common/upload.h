/* SPDX-License-Identifier: MIT
 *
 * upload: a value that comes in pieces, gathered outside the store until it is whole: what was announced and
 * not sent takes no memory, and pushes nothing out of the store.
 *
 *      upload_init --> upload_take, as often as bytes come --> upload_complete --> upload_move, until upload_empty
 *                                                                \--> upload_discard, at any time
 *
 *      | value, value_size bytes | end, end.size bytes |       first -> block -> block -> last, each twice the
 *      0 ------------ received_size ----------------> sum      size of the one before, up to a bound: no copy
 *                                                              of what is there when more comes
 *
 * Invariant: received_size <= value_size + end.size, and the blocks hold the first min(received_size,
 * value_size) bytes but for the moved_size bytes that were moved out. One thread at a time.
 */
#ifndef PROTOCOL_UPLOAD_H
#define PROTOCOL_UPLOAD_H

#include <stdbool.h>

#include "riposte/bytes.h"
#include "riposte/record.h"

/* Bytes of a block; one that would be larger than what is missing is as large as that. */
enum {
    UPLOAD_BLOCK_SIZE_MIN = 4 * 1024,
    UPLOAD_BLOCK_SIZE_MAX = 256 * 1024,
};

struct upload_block; /* private to upload.c */

/* All zero, or ended by upload_discard, owns nothing. */
struct upload {
    struct upload_block *first; /* oldest bytes that were not moved out; owned, NULL while there are none */
    struct upload_block *last;  /* where bytes are added */
    size_t value_size;          /* bytes that were announced, from 0 */
    size_t received_size;       /* bytes of value and end so far */
    size_t moved_size;          /* bytes of the value that upload_move has given away */
    size_t memory_size;         /* bytes that the blocks take now */
    struct bytes end;  /* what must follow the value, "\r\n" or nothing; borrowed, usually static text */
    bool end_is_wrong; /* exactly when a byte behind the value was not the end's; it was taken all the same */
};

void upload_init(struct upload *upload, size_t value_size, struct bytes end);

/*
 * Takes what belongs to value and end off the front of `input`; *taken_size says how many bytes. False when
 * that needs more than memory_size_max bytes of blocks, or memory ends: what was taken is the upload's, and the rest
 * may be tried again.
 */
bool upload_take(struct upload *upload, struct bytes input, size_t memory_size_max, size_t *taken_size);

/*
 * Copies the oldest bytes of the value to `to`, at most size_max, and frees what is empty then. Returns how
 * many: 0 only when none are left.
 */
size_t upload_move(struct upload *upload, char *to, size_t size_max);

/* Frees what is left. */
void upload_discard(struct upload *upload);

/* An upload in a record; `data` is borrowed from it. */
struct upload_saved {
    size_t value_size;
    size_t received_size;
    bool end_is_wrong;
    struct bytes data; /* the first min(received_size, value_size) bytes of the value */
};

/* Writes an upload down; `moved`: its moved_size bytes, from where they are now. */
void upload_save(const struct upload *upload, struct bytes moved, struct record_writer *writer);

/* Reads what upload_save has written; the record is bad where it cannot be an upload with an end of end_size bytes. */
struct upload_saved upload_read(struct record_reader *reader, size_t end_size);

/* Instead of upload_init: goes on where the other one was. False when memory ends: good for upload_discard only. */
bool upload_load(struct upload *upload, const struct upload_saved *saved, struct bytes end);

/* True when value and end are there. */
static inline bool upload_complete(const struct upload *upload) {
    return upload->received_size == upload->value_size + upload->end.size;
}

/* Bytes of value and end that have not come. */
static inline size_t upload_missing_size(const struct upload *upload) {
    return upload->value_size + upload->end.size - upload->received_size;
}

/* True when a complete upload has been moved out. */
static inline bool upload_empty(const struct upload *upload) {
    return upload->moved_size == upload->value_size;
}

#endif
