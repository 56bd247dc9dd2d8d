/* SPDX-License-Identifier: MIT
 *
 * store_stream: the items of one store, piece by piece, for another one that need not lay them out alike: another version's, or one for
 * other limits. What stays: keys, values, client flags, CAS numbers that a client may know, expiry, marks of the meta commands, use, a
 * delayed flush, the note. What goes: items that are dead, ghosts.
 *
 *      one thread of each side    store_export_begin --> store_export_next ... --> store_export_end
 *                                                              | pieces
 *                                 store_import_begin --> store_import_take ... --> store_import_end
 *
 * The most valuable come first: those in the queue of used items, each queue the youngest first. So who has no more time or
 * memory stops.
 */
#ifndef RIPOSTE_STORE_STREAM_H
#define RIPOSTE_STORE_STREAM_H

#include "riposte/record.h"
#include "riposte/store.h"

#ifdef __cplusplus
extern "C" {
#endif

struct store_export;
struct store_import;

/*
 * The store is only read until the end, by nobody else: all its workers have left. now_ns: monotonic. NULL: no memory, or as many
 * workers as there may be.
 */
struct store_export *store_export_begin(struct store *store, uint64_t now_ns);

/*
 * The next piece, in place of what `piece` holds: of about size_max bytes, or of a single item that is larger. Its size is 0 when there is
 * nothing left. False: no memory.
 */
bool store_export_next(struct store_export *source, size_t size_max, struct record_writer *piece);

/* Items that no piece has said anything of yet. */
uint64_t store_export_left(const struct store_export *source);

void store_export_end(struct store_export *source);

/*
 * The store is new: no worker has ever joined, and nobody else uses it until the end. memory_size_max: bytes that it may have charged
 * in the end, where that is less than its own limit. NULL: no memory.
 */
struct store_import *store_import_begin(struct store *store, size_t memory_size_max, uint64_t now_ns);

enum store_import_outcome {
    STORE_IMPORT_TAKEN,
    STORE_IMPORT_FULL, /* the rest of the piece, and of all, has no room; nothing is evicted for it */
    STORE_IMPORT_BAD,  /* the piece is damaged, or of another version: the store is to be destroyed */
};

/* Pieces in their order. */
enum store_import_outcome store_import_take(struct store_import *target, struct bytes piece);

/* What has become of them. */
struct store_imported {
    uint64_t items_count;     /* stored */
    uint64_t left_count;      /* of pieces that were taken: found no room any more */
    uint64_t too_large_count; /* the same: above item_size_max */
    bool is_full;             /* some found no room */
};

/* The store can be used, unless a piece was bad. */
void store_import_end(struct store_import *target, struct store_imported *imported);

#ifdef __cplusplus
}
#endif

#endif
