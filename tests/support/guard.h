/* SPDX-License-Identifier: MIT
 *
 * guard: bytes that end where readable memory ends. Whoever reads one byte too many gets SIGSEGV.
 *
 *      +---- pages that may be read and written ----+---- a page that may not ----+
 *                           | bytes of the caller   |
 */
#ifndef TESTS_GUARD_H
#define TESTS_GUARD_H

#include <stddef.h>

#include "riposte/bytes.h"

struct guard {
    char *map;       /* owned */
    size_t map_size; /* in bytes, the forbidden page included */
    size_t size_max; /* bytes that can be guarded */
};

/* Room for at least size_max bytes. Ends the test when there is none. */
void guard_init(struct guard *guard, size_t size_max);
void guard_deinit(struct guard *guard);

/* A copy of `bytes` that ends at the forbidden page; valid until the next guard_copy. */
struct bytes guard_copy(struct guard *guard, struct bytes bytes);

#endif
