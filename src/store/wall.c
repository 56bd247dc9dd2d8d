/* SPDX-License-Identifier: MIT
 *
 * wall: where the store's ticks lie on the wall clock, when somebody sets that.
 */
#include "state.h"

void store_clock_shift_wall(struct store *store, int64_t seconds) {
    /* relaxed: a clock orders nothing. Modulo 2^64 a sum with a negative number is a difference. */
    atomic_fetch_add_explicit(&store->clock_start_unix_s, (uint64_t)seconds, memory_order_relaxed);
}
