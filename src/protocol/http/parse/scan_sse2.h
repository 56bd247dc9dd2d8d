/* SPDX-License-Identifier: MIT
 *
 * scan, the variant for x86-64: SSE2 is part of the architecture there.
 */
#ifndef HTTP_SCAN_SSE2_H
#define HTTP_SCAN_SSE2_H

#include <emmintrin.h>
#include <stdint.h>

enum { HTTP_SCAN_STEP = 16 };

/* Bit n: at[n] <= `bound`, unsigned: exactly then the smaller of the two is at[n] itself. */
static inline __m128i http_scan_up_to(__m128i text, char bound) {
    return _mm_cmpeq_epi8(_mm_min_epu8(text, _mm_set1_epi8(bound)), text);
}

/* Bit n is set exactly when at[n] is a control byte or a space, n from 0 to 15. */
static inline uint32_t http_scan_target_step(const char *at) {
    __m128i text = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i deletes = _mm_cmpeq_epi8(text, _mm_set1_epi8(0x7f));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(http_scan_up_to(text, ' '), deletes));
}

/* Bit n is set exactly when at[n] is one of '#', '%' and '?', n from 0 to 15. */
static inline uint32_t http_scan_marks_step(const char *at) {
    __m128i text = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i hashes = _mm_cmpeq_epi8(text, _mm_set1_epi8('#'));
    __m128i percents = _mm_cmpeq_epi8(text, _mm_set1_epi8('%'));
    __m128i questions = _mm_cmpeq_epi8(text, _mm_set1_epi8('?'));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(hashes, percents), questions));
}

/* Bit n is set exactly when at[n] is a control byte other than a tab, n from 0 to 15. */
static inline uint32_t http_scan_value_step(const char *at) {
    __m128i text = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i tabs = _mm_cmpeq_epi8(text, _mm_set1_epi8('\t'));
    __m128i deletes = _mm_cmpeq_epi8(text, _mm_set1_epi8(0x7f));
    __m128i controls = _mm_andnot_si128(tabs, http_scan_up_to(text, 0x1f));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(controls, deletes));
}

#endif
