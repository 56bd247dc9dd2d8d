/* SPDX-License-Identifier: MIT
 *
 * put: making items in the log and giving them a place in the index.
 *
 *      put_make --> (filled) --> link_open --> put_publish       stored
 *                                   |  place_close, put_drop     not stored: its memory is dead
 *                                   +--> number too low: made anew with a number of its own, link_open, ...
 *
 * Numbers. An item's number is that of its place. Another worker's older segment may give a newer item a lower
 * number than the item it replaces; a client that compares must never see that, so such an item gets a number of
 * its own, which costs 8 bytes. Workers draw these in blocks. For keys that are not there, `floors` remembers, for
 * each of some thousand groups of keys, the highest number that has left the index, so that the numbers of a key rise
 * even after it was deleted. A copy that eviction makes takes the number of its new place, where that is higher; it keeps the
 * old one, as its own, where it is not, and where a client was told it (ITEM_SHOWN).
 *
 * Worker's own thread.
 */
#ifndef RIPOSTE_STORE_PUT_H
#define RIPOSTE_STORE_PUT_H

#include "index.h"
#include "state.h"

/* Whether an item of this kind stays within item_size_max. */
bool put_fits(const struct store_worker *worker, size_t key_size, size_t value_size, bool has_flags);

/*
 * A new item, not stored: complete but for its value. NULL where there is no memory. May pass quiescent states:
 * the worker uses no pointer into the store found before.
 */
struct item *put_make(struct store_worker *worker, const struct item_form *form, uint64_t hash);

/* The same in a given queue, at once or not at all: NULL where there is no room now. It is stored, or dropped, before another is made. */
struct item *put_make_in(struct store_worker *worker, const struct item_form *form, enum segment_queue queue);

/* Gives an item that is not stored back. */
void put_drop(struct store_worker *worker, struct item *item);

/* A number above that of the item which the last put_publish could not replace. */
uint64_t put_draw_number(struct store_worker *worker);

/* --- places --- */

/*
 * Stores the item in an open place, and closes it; result may be NULL. False, with the place closed and nothing
 * stored, where the item needs a higher number (put_draw_number) or, with `has_given_number`, a place in a segment opened from now on
 * (flush.h). Needs put_supply.
 */
bool put_publish(struct store_worker *worker, struct place *place, struct item *item, bool has_given_number,
                 struct put_result *result);

/* What put_publish may need; false where there is no memory. */
bool put_supply(struct store_worker *worker);

/* Sets the expiry of place->item, which has room for one. */
void put_set_expires(struct store_worker *worker, struct place *place, uint32_t expires_tick);

/* store_put for every mode but PUT_APPEND and PUT_PREPEND. */
enum store_status put_item(struct store_worker *worker, struct item **item, const struct put_options *options,
                           struct put_result *result);

#endif
