/* SPDX-License-Identifier: MIT
 *
 * match_sse2: the variant of match.h for x86-64.
 *
 * The bucket's 32 words of 16 bits are compared at once; of each entry only the uppermost is its tag. The
 * first four words are the header.
 */
#ifndef RIPOSTE_STORE_MATCH_SSE2_H
#define RIPOSTE_STORE_MATCH_SSE2_H

#include <emmintrin.h>

#include "table.h"

enum { MATCH_BITS_PER_ENTRY = 4 };

/* Bits of the tags of entries 0 to 6 among the 32 words: every fourth, the header's left out. */
#define MATCH_TAG_WORDS UINT32_C(0x88888880)

static inline uint32_t match_tag(const struct bucket *bucket, uint64_t tag) {
    const __m128i *quarters = (const __m128i *)(const void *)bucket;
    __m128i wanted = _mm_set1_epi16((short)tag);
    __m128i first = _mm_cmpeq_epi16(_mm_load_si128(quarters), wanted);
    __m128i second = _mm_cmpeq_epi16(_mm_load_si128(quarters + 1), wanted);
    __m128i third = _mm_cmpeq_epi16(_mm_load_si128(quarters + 2), wanted);
    __m128i fourth = _mm_cmpeq_epi16(_mm_load_si128(quarters + 3), wanted);
    uint32_t lower = (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(first, second));
    uint32_t upper = (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(third, fourth));
    /* One word further down, so that the header's bits fall out and entry i has bit 4 * i + 3. */
    return ((upper << 16 | lower) & MATCH_TAG_WORDS) >> 4;
}

#endif
