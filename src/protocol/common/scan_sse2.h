/* SPDX-License-Identifier: MIT
 *
 * scan, the variant for x86-64: SSE2 is part of the architecture there.
 */
#ifndef PROTOCOL_SCAN_SSE2_H
#define PROTOCOL_SCAN_SSE2_H

#include <emmintrin.h>
#include <stdint.h>

enum { SCAN_STEP = 16 };

/* Bit n is set exactly when at[n] is `one` or `other`, n from 0 to 15. */
static inline uint32_t scan_mask(const char *at, char one, char other) {
    __m128i text = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i ones = _mm_cmpeq_epi8(text, _mm_set1_epi8(one));
    __m128i others = _mm_cmpeq_epi8(text, _mm_set1_epi8(other));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(ones, others));
}

#endif
