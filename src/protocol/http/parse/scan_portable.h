/* SPDX-License-Identifier: MIT
 *
 * scan, the variant for any machine: eight bytes in one 64-bit word.
 */
#ifndef HTTP_SCAN_PORTABLE_H
#define HTTP_SCAN_PORTABLE_H

#include <stdint.h>
#include <string.h>

enum { HTTP_SCAN_STEP = 8 };

#define HTTP_SCAN_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The top bit of each byte of `word` that is zero; exact, as no carry leaves a byte. */
static inline uint64_t http_scan_zero(uint64_t word) {
    const uint64_t low = HTTP_SCAN_EACH(0x7f);
    return ~(((word & low) + low) | word | low);
}

/* The top bit of each byte of `word` that is below `bound` (1 to 0x80). */
static inline uint64_t http_scan_below(uint64_t word, uint64_t bound) {
    const uint64_t low = HTTP_SCAN_EACH(0x7f);
    return ~(((word & low) + HTTP_SCAN_EACH(0x80 - bound)) | word | low);
}

static inline uint64_t http_scan_load(const char *at) {
    uint64_t text;
    memcpy(&text, at, sizeof(text));
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(text) : text;
}

/* Gathers the eight top bits: each product term lands in a bit of its own of the top byte. */
static inline uint32_t http_scan_gather(uint64_t tops) {
    return (uint32_t)(((tops >> 7) * UINT64_C(0x0102040810204080)) >> 56);
}

/* Bit n is set exactly when at[n] is a control byte or a space, n from 0 to 7. */
static inline uint32_t http_scan_target_step(const char *at) {
    uint64_t text = http_scan_load(at);
    return http_scan_gather(http_scan_below(text, 0x21) | http_scan_zero(text ^ HTTP_SCAN_EACH(0x7f)));
}

/* Bit n is set exactly when at[n] is one of '#', '%' and '?', n from 0 to 7. */
static inline uint32_t http_scan_marks_step(const char *at) {
    uint64_t text = http_scan_load(at);
    return http_scan_gather(http_scan_zero(text ^ HTTP_SCAN_EACH('#')) |
                            http_scan_zero(text ^ HTTP_SCAN_EACH('%')) |
                            http_scan_zero(text ^ HTTP_SCAN_EACH('?')));
}

/* Bit n is set exactly when at[n] is a control byte other than a tab, n from 0 to 7. */
static inline uint32_t http_scan_value_step(const char *at) {
    uint64_t text = http_scan_load(at);
    uint64_t controls = http_scan_below(text, 0x20) & ~http_scan_zero(text ^ HTTP_SCAN_EACH('\t'));
    return http_scan_gather(controls | http_scan_zero(text ^ HTTP_SCAN_EACH(0x7f)));
}

#endif
