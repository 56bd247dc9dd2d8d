/* SPDX-License-Identifier: MIT
 *
 * shelf: blocks of items that came free, kept by size for the next items of their worker.
 *
 * A block taken by one thread and returned by another can be used again by the first one only: the
 * allocator's pages belong to threads. Where one worker has filled the store and others go on storing, the
 * first one's pages would empty slowly while the others take new ones, and the process would grow to a
 * multiple of the limit. A worker that uses again what it has freed, whoever took it, keeps the balance: it
 * frees as much as it stores. It is also quicker, and the block is still in the cache.
 *
 * What is on the shelf stays charged, is bounded (size_max), and does not stay for long: a block that is
 * not asked for keeps the whole page it lies in from other uses. So now and then (shelf_take_idle) each
 * class gives up as many blocks as it had left at its lowest since the last time. Own thread.
 */
#ifndef RIPOSTE_STORE_SHELF_H
#define RIPOSTE_STORE_SHELF_H

#include <stdbool.h>
#include <stddef.h>

enum { SHELF_BLOCK_MAX = 2 * 1024 * 1024, SHELF_CLASSES = 66 };

/* Blocks of one charge. */
struct shelf_class {
    void *blocks; /* linked by their first word */
    unsigned count;
    unsigned idle_count; /* the lowest count since the last look */
};

struct shelf {
    size_t size;     /* bytes of all blocks */
    size_t size_max; /* bytes; 0: keeps nothing */
    struct shelf_class classes[SHELF_CLASSES];
};

/* A block that is charged `charge`, or NULL. */
void *shelf_take(struct shelf *shelf, size_t charge);

/* Keeps a block. False when there is no room, or it is too large. */
bool shelf_put(struct shelf *shelf, void *block, size_t charge);

/*
 * A block that was not needed since the last look, with its charge. NULL when there is none any more: the
 * look is over, and the next one begins.
 */
void *shelf_take_idle(struct shelf *shelf, size_t *charge);

/* Any block, with its charge; NULL when the shelf is empty. */
void *shelf_take_any(struct shelf *shelf, size_t *charge);

#endif
