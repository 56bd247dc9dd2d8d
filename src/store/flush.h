/* SPDX-License-Identifier: MIT
 *
 * flush: everything stored, or everything stored under a prefix, is gone at once, and nothing is visited for it.
 *
 *      flush --> F = next number of the store's sequence; (prefix, F) goes into a new table, which is published
 *      meet an item --> opened before doubt_number? --no--> lives              (one comparison; doubt_number is
 *                            | yes                                              the greatest F)
 *                            v
 *                       the longest prefix of its key in the table has F > the item's order? --yes--> dead
 *      between turns --> a round over the index takes out what is dead; then no older item can exist, and
 *                        what was flushed before the round began is forgotten
 *
 * An item's order is its CAS, where that comes from the sequence, otherwise the number of its segment. It says
 * "stored before F" of everything that was: the number was drawn before, or the segment opened before. It would
 * say so, too, of an item that is stored after F into a segment opened before; so whoever stores looks at the
 * table (flush_table_would_take), under the lock of the key's home, and gives such an item a number drawn now, or,
 * where a client has chosen its CAS, a place in a segment opened now. A copy keeps its order the same ways, or goes into a
 * segment whose number is above the item's own: then its order is above, too, and a flush between the two was seen (1).
 *
 * Why the order against sets holds, in acquire and release alone:
 *  1. F is drawn, the table and doubt_number are written under the arena's lock, under which segments get
 *     their numbers and workers theirs. So whoever has a number or a segment above F has seen F's table before; what it
 *     replaces or copies it has judged by that table, under the lock of the home.
 *  2. Stored and answered before the flush was asked for: its order is below F. Whoever was told that the
 *     flush is done was told so by a message that orders its look at doubt_number: gone for every client.
 *  3. Stored by a request that came after the flush was answered: by the same message who stores sees F's table, and
 *     the item's order is above F: it lives.
 *  4. A request that overlaps with the flush may go either way, once.
 *
 * Why a round proves that a flush can be forgotten: the round looks at each home under its lock after its worker
 * has seen F. What was there with an order below F is taken out. Whoever locks the home later sees, by that lock,
 * at least the table that the round saw, and so publishes nothing below F there. A reader without a lock may have found
 * an entry before the round took it out: the row stays until all of them have passed a quiescent state; a copy of an item that the round
 * has taken out is dropped, because its entry is gone. A worker that stores without F's row, after it was forgotten,
 * has seen doubt_number without it (acquire), and whoever finds the item sees no older doubt_number (by the
 * item's publication).
 *
 * Tables are retired as segments are: freed when every worker has passed a quiescent state (epoch.h).
 */
#ifndef RIPOSTE_STORE_FLUSH_H
#define RIPOSTE_STORE_FLUSH_H

#include "segment.h"
#include "state.h"

struct flush_table;

/* The clock has passed the moment of a delayed flush: of all workers that see it the first one carries it out. */
void flush_fall_due(struct store_worker *worker, uint32_t at_tick);

void flush_init(struct store *store);

/* All workers have left. */
void flush_deinit(struct store *store);

/* A table, charged and the store's from now on, that another process has left; NULL: none. Before there are workers. */
void flush_take(struct store *store, struct flush_table *table, size_t charged_size);

/* The cold half of flush_turn. */
unsigned flush_work(struct store_worker *worker);

/*
 * A piece of the round, if one is due. Returns within how many ms it wants another turn; 0: no need. In a quiescent
 * state.
 */
static inline unsigned flush_turn(struct store_worker *worker) {
    /* relaxed: a hint; who has set it goes on itself. */
    return likely(!atomic_load_explicit(&worker->store->flush_sweep.is_busy, memory_order_relaxed))
               ? 0
               : flush_work(worker);
}

/*
 * --- flush_table.c ---
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
    /* acquire: pairs with who forgets prefixes; see above. */
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
