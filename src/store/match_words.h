/* SPDX-License-Identifier: MIT
 *
 * match_words: the portable variant of match.h, one entry after the other.
 */
#ifndef RIPOSTE_STORE_MATCH_WORDS_H
#define RIPOSTE_STORE_MATCH_WORDS_H

#include "table.h"

enum { MATCH_BITS_PER_ENTRY = 1 };

static inline uint32_t match_tag(const struct bucket *bucket, uint64_t tag) {
    uint32_t matches = 0;
#pragma GCC unroll 7
    for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
        /* relaxed: a hint, see match.h. */
        uint64_t entry = atomic_load_explicit(&bucket->entries[i], memory_order_relaxed);
        matches |= (uint32_t)(entry >> ENTRY_TAG_SHIFT == tag) << i;
    }
    return matches;
}

#endif
