/* SPDX-License-Identifier: MIT
 *
 * expiry: an expiry tick as something that another store understands: what store_expiry makes a tick of again.
 */
#ifndef MEMCACHED_EXPIRY_H
#define MEMCACHED_EXPIRY_H

#include "riposte/store.h"

/* 0 never, -1 at once, otherwise a Unix time. */
static inline int64_t expiry_save(const struct store_worker *store, uint32_t tick) {
    if (tick == STORE_EXPIRES_NEVER) {
        return 0;
    }
    return tick == STORE_EXPIRED ? -1 : (int64_t)store_tick_unix_s(store, tick);
}

#endif
