/* SPDX-License-Identifier: MIT
 *
 * place: where one key is, or could go, with its home locked.
 *
 *      supply_ensure --> place_open --> place_put, place_remove, or neither --> place_close
 *       may wait          locks          as place.item tells                     unlocks
 *
 * The only code that changes entries, migration excepted. Between open and close nothing is allocated and
 * nothing waits.
 */
#ifndef RIPOSTE_STORE_PLACE_H
#define RIPOSTE_STORE_PLACE_H

#include "state.h"

struct place {
    uint64_t hash;                /* of the key */
    struct bucket *home;          /* locked */
    struct item *item;            /* the key's item, or NULL */
    struct bucket *bucket;        /* that holds the item's entry; NULL exactly when item is */
    _Atomic uint64_t *entry;      /* the item's */
    _Atomic uint64_t *free_entry; /* the first free one of the chain, or NULL */
    struct bucket *last;          /* of the chain */
};

/* Locks and looks. The item may be dead (expired, flushed). */
void place_open_any(struct store_worker *worker, uint64_t hash, struct bytes key, struct place *place);

/*
 * The same for a client's operation: a dead item is counted as met, taken out, and the place has no item.
 * Needs supply_ensure.
 */
void place_open(struct store_worker *worker, uint64_t hash, struct bytes key, struct place *place);

/*
 * The same for an operation that will put nothing there, and so needs no supplies: where limbo has no room
 * a dead item is left to the sweep.
 */
void place_open_existing(struct store_worker *worker, uint64_t hash, struct bytes key, struct place *place);

void place_close(struct place *place);

/* Sets the expiry of place->item. */
void place_set_expiry(struct store_worker *worker, struct place *place, uint32_t expires_tick);

/*
 * Gives `item` the next sequence number and makes it the key's item, in the place of place->item or in a
 * free entry. The item is complete but for that. Needs supply_ensure.
 */
void place_put(struct store_worker *worker, struct place *place, struct item *item);

/* Takes place->item out and retires it; the place has no item then. Needs room in limbo. */
void place_remove(struct store_worker *worker, struct place *place);

enum place_withdrawal { PLACE_WITHDRAW_ANY, PLACE_WITHDRAW_DEAD };

/*
 * Takes `item`, met by a look-up without a lock, out of the index if it is still its key's (and still dead,
 * where that is asked). Returns its charge, 0 when not or when limbo has no room. The worker may go on
 * reading the item until its next quiescent state.
 */
size_t place_withdraw(struct store_worker *worker, const struct item *item, enum place_withdrawal withdrawal);

#endif
