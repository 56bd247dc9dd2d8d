/* SPDX-License-Identifier: MIT
 *
 * portable: writes frames and pieces, and reads what may be anything. See portable.h.
 */
#include "portable.h"

#include <assert.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "riposte/store.h"

enum { FIELDS_SIZE_SIZE = sizeof(uint16_t) };

/* --- frames ----------------------------------------------------------------------------------------------- */

enum portable_outcome portable_read(struct bytes bytes, struct portable_frame *frame, size_t *size) {
    uint32_t kind, behind_size;
    uint16_t fields_size;
    if (bytes.size < PORTABLE_FRAME_HEAD_SIZE) {
        return PORTABLE_MORE;
    }
    memcpy(&kind, bytes.data, sizeof(kind));
    memcpy(&behind_size, bytes.data + sizeof(kind), sizeof(behind_size));
    memcpy(&fields_size, bytes.data + sizeof(kind) + sizeof(behind_size), sizeof(fields_size));
    if (behind_size > PORTABLE_FRAME_SIZE_MAX || behind_size < (size_t)FIELDS_SIZE_SIZE + fields_size) {
        return PORTABLE_BAD;
    }
    *size = PORTABLE_FRAME_HEAD_SIZE - FIELDS_SIZE_SIZE + (size_t)behind_size;
    if (bytes.size < *size) {
        return PORTABLE_MORE;
    }
    const char *fields = bytes.data + PORTABLE_FRAME_HEAD_SIZE;
    *frame = (struct portable_frame){
        .kind = kind,
        .fields = bytes_of(fields, fields_size),
        .rest = bytes_of(fields + fields_size, behind_size - FIELDS_SIZE_SIZE - fields_size),
    };
    return PORTABLE_OK;
}

static char *frame_begin(char *at, uint32_t kind, const void *fields, uint16_t fields_size,
                         size_t rest_size) {
    uint32_t behind_size = (uint32_t)(FIELDS_SIZE_SIZE + fields_size + rest_size);
    assert((size_t)FIELDS_SIZE_SIZE + fields_size + rest_size <= PORTABLE_FRAME_SIZE_MAX);
    memcpy(at, &kind, sizeof(kind));
    memcpy(at + sizeof(kind), &behind_size, sizeof(behind_size));
    memcpy(at + sizeof(kind) + sizeof(behind_size), &fields_size, sizeof(fields_size));
    memcpy(at + PORTABLE_FRAME_HEAD_SIZE, fields, fields_size);
    return at + PORTABLE_FRAME_HEAD_SIZE + fields_size;
}

/* --- what stands in them ---------------------------------------------------------------------------------- */

bool portable_read_store(const struct portable_frame *frame, struct portable_store *store,
                         struct bytes *note) {
    if (frame->kind != PORTABLE_STORE || frame->fields.size < sizeof(*store) ||
        frame->rest.size > STORE_NOTE_SIZE_MAX) {
        return false;
    }
    memcpy(store, frame->fields.data, sizeof(*store));
    *note = frame->rest;
    return true;
}

bool portable_read_item(const struct portable_frame *frame, struct portable_item *item) {
    if (frame->kind != PORTABLE_ITEM || frame->fields.size < sizeof(item->fields)) {
        return false;
    }
    memcpy(&item->fields, frame->fields.data, sizeof(item->fields));
    uint32_t key_size = item->fields.key_size;
    if (key_size < 1 || key_size > STORE_KEY_SIZE_MAX || key_size > frame->rest.size) {
        return false;
    }
    item->key = bytes_of(frame->rest.data, key_size);
    item->value = bytes_of(frame->rest.data + key_size, frame->rest.size - key_size);
    return true;
}

size_t portable_store_size(struct bytes note) {
    return PORTABLE_FRAME_HEAD_SIZE + sizeof(struct portable_store) + note.size;
}

size_t portable_item_size(const struct portable_item *item) {
    return PORTABLE_FRAME_HEAD_SIZE + sizeof(item->fields) + item->key.size + item->value.size;
}

char *portable_write_store(char *at, const struct portable_store *store, struct bytes note) {
    at = frame_begin(at, PORTABLE_STORE, store, sizeof(*store), note.size);
    return bytes_copy(at, note);
}

char *portable_write_item(char *at, const struct portable_item *item) {
    struct portable_item_fields fields = item->fields;
    fields.key_size = (uint32_t)item->key.size;
    at = frame_begin(at, PORTABLE_ITEM, &fields, sizeof(fields), item->key.size + item->value.size);
    return bytes_copy(bytes_copy(at, item->key), item->value);
}

/* --- pieces ----------------------------------------------------------------------------------------------- */

static uint64_t piece_checksum(const char *piece, size_t size) {
    return XXH3_64bits(piece + PORTABLE_PIECE_HEAD_SIZE, size - PORTABLE_PIECE_HEAD_SIZE);
}

void portable_seal(char *piece, size_t size) {
    uint64_t magic = PORTABLE_MAGIC, checksum = piece_checksum(piece, size);
    memcpy(piece, &magic, sizeof(magic));
    memcpy(piece + sizeof(magic), &checksum, sizeof(checksum));
}

bool portable_open(struct bytes piece, struct bytes *frames) {
    uint64_t magic, checksum;
    if (piece.size < PORTABLE_PIECE_HEAD_SIZE) {
        return false;
    }
    memcpy(&magic, piece.data, sizeof(magic));
    memcpy(&checksum, piece.data + sizeof(magic), sizeof(checksum));
    *frames = bytes_of(piece.data + PORTABLE_PIECE_HEAD_SIZE, piece.size - PORTABLE_PIECE_HEAD_SIZE);
    return magic == PORTABLE_MAGIC && checksum == piece_checksum(piece.data, piece.size);
}
