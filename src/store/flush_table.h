/* SPDX-License-Identifier: MIT
 *
 * flush_table: prefixes of keys, each with the number of its flush: which flush was the last for a key?
 *
 *      | rows, in the order of their prefixes | the prefixes, one behind the other |
 *
 * A prefix that begins with another one has a higher number than that (an older flush is covered by a newer one
 * of a shorter prefix, and left out). So the longest prefix of a key tells the last flush. All prefixes of a key
 * are prefixes of the greatest row that is not above the key, which makes the search one of halves and a climb
 * from row to parent.
 *
 * Constant once it is published; a change makes a new table. Any thread may read.
 */
#ifndef RIPOSTE_STORE_FLUSH_TABLE_H
#define RIPOSTE_STORE_FLUSH_TABLE_H

#include "segment.h"
#include "state.h"

enum { FLUSH_ROW_NONE = 0xffff };

struct flush_row {
    uint64_t number;
    uint32_t text;   /* where the prefix begins, in bytes from the end of the rows */
    uint16_t parent; /* the longest other row whose prefix this one begins with; or FLUSH_ROW_NONE */
    uint8_t size;    /* bytes of the prefix, 1 to 250 */
};

struct flush_table {
    struct flush_table *next; /* while it is retired */
    uint64_t retired_epoch;   /* as above */
    size_t charged_size;      /* bytes of its memory; the owner's */
    size_t size;              /* bytes in use */
    uint32_t count;
    struct flush_row rows[];
};

/* Bytes of a table with the rows of `old` (NULL: none) and one more. */
size_t flush_table_size_with(const struct flush_table *old, struct bytes prefix);

/*
 * Makes a table of that size in `block`: the rows of `old` that do not begin with `prefix`, and a row for that, whose
 * number is the caller's to set.
 */
struct flush_table *flush_table_make_with(void *block, const struct flush_table *old, struct bytes prefix,
                                          struct flush_row **row);

/* The same for the rows of `old` with a number above `number`. */
size_t flush_table_size_above(const struct flush_table *old, uint64_t number);
struct flush_table *flush_table_make_above(void *block, const struct flush_table *old, uint64_t number);

/* Whether `size` bytes that another process has left are a table in which a search stays inside and ends. */
bool flush_table_is_sound(const struct flush_table *table, size_t size);

/* The number of the last flush that has met the key, or 0. */
uint64_t flush_table_find(const struct flush_table *table, struct bytes key);

/* How many of its rows begin with `prefix`. */
uint32_t flush_table_count_below(const struct flush_table *table, struct bytes prefix);

/* --- items and the store's table: see flush.h. Worker's own thread. --- */

/* Whether what stands in this place may have been flushed. Nearly always the answer is no. */
static inline bool flush_table_doubts(const struct store *store, uint32_t location) {
    /* acquire: pairs with who forgets prefixes; see flush.h. */
    uint64_t doubt_number = atomic_load_explicit(&store->doubt_number, memory_order_acquire);
    return doubt_number != 0 && /* spares most stores the look at the segment's number */
           arena_number(&store->arena, arena_segment_of(&store->arena, location)) < doubt_number;
}

/* Whether an item whose place is in doubt was flushed. */
bool flush_table_has_taken(const struct store *store, const struct item *item, uint32_t location);

/* The cold half of flush_table_would_take. */
bool flush_table_is_low(struct store_worker *worker, const struct item *item, uint32_t location);

/*
 * Whether an item that is about to be published would be taken by a flush that came before. Then
 * worker->number_above is not below that flush. Under the lock of the key's home.
 */
static inline bool flush_table_would_take(struct store_worker *worker, const struct item *item,
                                          uint32_t location) {
    /* A number may be older than the place: it comes from a block that the worker has drawn before. */
    return unlikely(flush_table_doubts(worker->store, location) || item_has(item, ITEM_DRAWN)) &&
           flush_table_is_low(worker, item, location);
}

/* A copy of a live item whose CAS a client has chosen is to be made: its segment must not be older than a flush. */
void flush_table_before_copy(struct store_worker *worker, struct bytes key, enum segment_queue queue,
                             unsigned class);

#endif
