/* SPDX-License-Identifier: MIT
 *
 * key: the name of key number i: a prefix and the number in decimal, padded with zeros to one length for all
 * keys.
 *
 *      key:000000000123        16 bytes, prefix "key:", 12 digits
 *
 * Writing one costs a few nanoseconds: the text of key 0 is copied together with the request it stands in,
 * then the last digits are patched in, eight at a time. Read only after init; any thread may call.
 */
#ifndef LOAD_KEY_H
#define LOAD_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "riposte/bytes.h"
#include "riposte/check.h"

enum { KEY_SIZE_MAX = 250 };

struct keys {
    uint64_t count;          /* 1 to 2^32 - 1 */
    size_t size;             /* bytes of every key, 1 to KEY_SIZE_MAX */
    size_t digits;           /* of these, the last ones; at least what count - 1 needs */
    char zero[KEY_SIZE_MAX]; /* the text of key 0 */
};

enum keys_status { KEYS_OK, KEYS_TOO_SHORT, KEYS_TOO_LONG };

/*
 * KEYS_TOO_SHORT: `size` has no room for the prefix and the digits of count - 1. KEYS_TOO_LONG: above
 * KEY_SIZE_MAX.
 */
enum keys_status keys_init(struct keys *keys, struct bytes prefix, size_t size, uint64_t count);

/* For key_patch: the digits above the eighth; and all of them where there are fewer than eight. */
void key_patch_high(size_t digits, uint64_t high, char *end);
void key_patch_few(size_t digits, uint64_t digits8, char *end);

/*
 * The eight decimal digits of number (below 10^8), first digit in the lowest byte. Divides in parallel:
 * halves of four digits, pairs, digits; each step multiplies by a rounded-up reciprocal that is exact in its
 * range.
 */
static inline uint64_t key_digits8(uint32_t number) {
    uint64_t halves = number / 10000 | (uint64_t)(number % 10000) << 32;
    uint64_t hundreds = ((halves * 10486) >> 20) & UINT64_C(0x0000007f0000007f);
    uint64_t pairs = hundreds | (halves - hundreds * 100) << 16;
    uint64_t tens = ((pairs * 103) >> 10) & UINT64_C(0x000f000f000f000f);
    uint64_t digits = tens | (pairs - tens * 10) << 8;
    return digits | UINT64_C(0x3030303030303030);
}

/* Turns the text of key 0 that ends at `end` into that of key `index` (below count). */
static inline void key_patch(const struct keys *keys, uint32_t index, char *end) {
    uint64_t low = key_digits8(index % 100000000);
    if (likely(keys->digits >= sizeof(low))) {
        memcpy(end - sizeof(low), &low, sizeof(low));
        if (unlikely(index >= 100000000)) {
            key_patch_high(keys->digits - sizeof(low), index / 100000000, end - sizeof(low));
        }
        return;
    }
    key_patch_few(keys->digits, low, end);
}

/* Writes the key, keys->size bytes. */
static inline void key_write(const struct keys *keys, uint32_t index, char *text) {
    memcpy(text, keys->zero, keys->size);
    key_patch(keys, index, text + keys->size);
}

#endif
