/* SPDX-License-Identifier: MIT
 *
 * memory_lock: -k, for items that another process has left (--take-over, -e). A page is locked when this process first uses it
 * (resources_lock_memory), which may be never: so all of them are brought in while it serves, a piece at a time. Main thread.
 */
#ifndef RIPOSTE_SERVER_MEMORY_LOCK_H
#define RIPOSTE_SERVER_MEMORY_LOCK_H

#include <stdbool.h>
#include <stdint.h>

struct store;

/* All zero is one that has brought nothing in yet. */
struct memory_lock {
    uint64_t at; /* of the store's memory, bytes: how far it has come */
    bool is_done;
};

/* Brings a piece in, in a few ms. Returns when to call again, in ms: at once, 0, or -1: never. A line says where the system cannot. */
int memory_lock_turn(struct memory_lock *lock, const struct store *store);

#endif
