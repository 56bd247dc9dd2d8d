/* SPDX-License-Identifier: MIT
 *
 * memory_lock: one piece after the other. See memory_lock.h.
 */
#include "memory_lock.h"

#include <stddef.h>
#include <string.h>

#include "riposte/log.h"
#include "riposte/store_file.h"

/* Of a piece: signals, and whoever takes over, wait for it. */
enum { MEMORY_LOCK_SIZE = 16 * 1024 * 1024 };

int memory_lock_turn(struct memory_lock *lock, const struct store *store) {
    int result = lock->is_done ? 0 : store_file_map(store, &lock->at, MEMORY_LOCK_SIZE);
    if (result < 0) {
        log_line(LOG_LEVEL_WARNING, "-k: items of the process before are locked when they are used first: %s",
                 strerror(-result));
    }
    lock->is_done = result <= 0;
    return lock->is_done ? -1 : 0;
}
