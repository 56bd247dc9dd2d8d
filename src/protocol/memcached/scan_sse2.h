/* SPDX-License-Identifier: MIT
 *
 * scan, the variant for x86-64: SSE2 is part of the architecture there.
 */
#ifndef MEMCACHED_SCAN_SSE2_H
#define MEMCACHED_SCAN_SSE2_H

#include <emmintrin.h>
#include <stdint.h>

enum { SCAN_STEP = 16 };

/* Bit n is set exactly when at[n] is a space or a line feed, n from 0 to 15. */
static inline uint32_t scan_ends(const char *at) {
    __m128i text = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i spaces = _mm_cmpeq_epi8(text, _mm_set1_epi8(' '));
    __m128i feeds = _mm_cmpeq_epi8(text, _mm_set1_epi8('\n'));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(spaces, feeds));
}

#endif
