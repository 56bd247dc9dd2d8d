/* SPDX-License-Identifier: MIT
 *
 * frozen: the frozen connections of a worker: descriptors and records (conn_record.h), from freeze, or engine_adopt, until the worker
 * serves again or ends.
 *
 *      freeze_end  ---\                              /---> adopt_turn
 *                      frozen_add --> engine_export --
 *      engine_adopt --/                              \---> frozen_discard
 *
 * The worker's own thread, and the one that has waited with engine_await_pause while the worker waits for it (start.h): never both.
 */
#ifndef RIPOSTE_ENGINE_FROZEN_H
#define RIPOSTE_ENGINE_FROZEN_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/record.h"

/* Bytes that a record names as a value: kept in place. */
struct frozen_pin {
    struct bytes bytes;
    void *owner;
};

struct frozen_conn {
    int fd;      /* owned */
    int file_fd; /* owned; -1: none */
    bool quiet;  /* conn_record_is_quiet */
    struct record_writer record;
    struct frozen_pin *
        pins; /* of the values of the record, in their order: of all of them or, not pinned yet, none; owned */
    uint32_t pins_count;
    uint32_t pins_capacity;
    uint32_t values_count;
    void (*release)(void *owner); /* ends a pin */
};

/* All zero is an empty list. */
struct frozen {
    struct frozen_conn *conns; /* count of them; owned */
    uint32_t count;
    uint32_t capacity;
};

/* Adds one, whose descriptors and record are the list's from then on. False when memory ends: they stay the caller's. */
bool frozen_add(struct frozen *frozen, const struct frozen_conn *conn);

/* Adds a pin, which is the connection's from then on. False when memory ends: it stays the caller's. */
bool frozen_pin_add(struct frozen_conn *conn, struct frozen_pin pin);

/* Ends its pins. */
void frozen_unpin(struct frozen_conn *conn);

/* Closes and frees what is in the list from `first` on, and the list itself. */
void frozen_discard(struct frozen *frozen, uint32_t first);

#endif
