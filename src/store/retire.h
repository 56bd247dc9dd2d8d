/* SPDX-License-Identifier: MIT
 *
 * retire: from taken out of the index to free memory.
 *
 * What is retired lies in its worker's limbo until no reader can hold it (epoch.h), and an item until
 * nobody sends from it any more (pins). Until then it is charged. Worker's own thread.
 */
#ifndef RIPOSTE_STORE_RETIRE_H
#define RIPOSTE_STORE_RETIRE_H

#include "state.h"

/* All three: limbo has room. `charge` is the item's. */
void retire_item(struct store_worker *worker, struct item *item, size_t charge);
void retire_bucket(struct store_worker *worker, struct bucket *bucket);
void retire_table(struct store_worker *worker, struct table *table);

/* Frees what is due, looking at no more than entries_max. */
void retire_drain(struct store_worker *worker, size_t entries_max);

/* A quiescent state, then as many epochs as the other workers allow. The worker holds no view. */
void retire_pass(struct store_worker *worker);

/* Frees an item that nobody else can reach, and takes its charge back. */
void retire_now(struct store_worker *worker, struct item *item);

#endif
