/* SPDX-License-Identifier: MIT
 *
 * limbo: what a worker has taken out of the index and may not free yet, in the order of retiring.
 *
 *      head chunk                                   tail chunk
 *      | .. freed .. | entry | entry | ... |  -->   | entry | ... | room |         + spare chunks
 *
 * An entry is a pointer with the epoch it was retired in; limbo_look shows what is due (see epoch.h), the
 * oldest first. What turns out to be pinned is pushed again and so comes round later; where there is no
 * room for that it is skipped. Pushing never allocates: limbo_reserve makes room before an operation
 * begins, when giving up is still possible.
 *
 * Belongs to one worker's thread; a leaving worker's limbo is taken over whole (limbo_adopt).
 */
#ifndef RIPOSTE_STORE_LIMBO_H
#define RIPOSTE_STORE_LIMBO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum limbo_kind {
    LIMBO_ITEM,
    LIMBO_BUCKET, /* an overflow bucket */
    LIMBO_TABLE,
};

enum { LIMBO_CHUNK_ENTRIES = 63, LIMBO_CHUNK_SIZE = 1024 };

struct limbo_entry {
    uint64_t tagged_pointer; /* the lowest bits, 0 in every pointer, are the limbo_kind */
    uint64_t epoch;          /* of retiring */
};

struct limbo_chunk {
    struct limbo_chunk *next;
    uint32_t begin, end; /* entries begin to end - 1 are used */
    struct limbo_entry entries[LIMBO_CHUNK_ENTRIES];
};

struct limbo {
    struct limbo_chunk *head, *tail; /* both NULL when empty */
    struct limbo_chunk *spares;      /* empty chunks */
    size_t spares_count;
    size_t count; /* entries */
};

/* How many entries can be pushed without another chunk. */
static inline size_t limbo_room(const struct limbo *limbo) {
    return limbo->spares_count * LIMBO_CHUNK_ENTRIES +
           (limbo->tail == NULL ? 0 : LIMBO_CHUNK_ENTRIES - limbo->tail->end);
}

/* Adds an empty chunk, a block of LIMBO_CHUNK_SIZE bytes. */
void limbo_add_chunk(struct limbo *limbo, void *block);

/* Takes an empty chunk away when there are more than `kept`; NULL when not. */
void *limbo_remove_chunk(struct limbo *limbo, size_t kept);

/* There is room. */
void limbo_push(struct limbo *limbo, void *pointer, enum limbo_kind kind, uint64_t epoch);

/*
 * An entry of the head chunk whose epoch is at or below epoch_max: the oldest with skip = 0, the next one
 * with 1, and so on. NULL when there is none. It stays until limbo_drop.
 */
void *limbo_look(const struct limbo *limbo, unsigned skip, uint64_t epoch_max, enum limbo_kind *kind);

/* Forgets that entry. */
void limbo_drop(struct limbo *limbo, unsigned skip);

/*
 * Moves everything of `from` behind what `limbo` has. The order of epochs is lost where they meet: entries
 * only wait longer.
 */
void limbo_adopt(struct limbo *limbo, struct limbo *from);

#endif
