/* SPDX-License-Identifier: MIT
 *
 * scan, the variant for any machine: eight bytes in one 64-bit word.
 */
#ifndef PROTOCOL_SCAN_PORTABLE_H
#define PROTOCOL_SCAN_PORTABLE_H

#include <stdint.h>
#include <string.h>

enum { SCAN_STEP = 8 };

/*
 * The top bit of each byte of `word` that is zero. Exact for every byte (no borrow runs between them): a byte
 * is zero when neither its low seven bits, once 0x7f is added, nor its own top bit set the top bit.
 */
static inline uint64_t scan_zero_bytes(uint64_t word) {
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    return ~(((word & low) + low) | word | low);
}

/* The byte eight times. */
static inline uint64_t scan_eight(char byte) {
    return (unsigned char)byte * UINT64_C(0x0101010101010101);
}

/* Bit n is set exactly when at[n] is `one` or `other`, n from 0 to 7. */
static inline uint32_t scan_mask(const char *at, char one, char other) {
    uint64_t text;
    memcpy(&text, at, sizeof(text));
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) {
        text = __builtin_bswap64(text);
    }
    uint64_t ends = scan_zero_bytes(text ^ scan_eight(one)) | scan_zero_bytes(text ^ scan_eight(other));
    /* Gathers the eight top bits: each product term lands in a bit of its own of the top byte. */
    return (uint32_t)(((ends >> 7) * UINT64_C(0x0102040810204080)) >> 56);
}

#endif
