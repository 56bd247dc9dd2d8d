/* SPDX-License-Identifier: MIT
 *
 * key: describes the keys, and writes the digits that the inlined fast path leaves out.
 */
#include "key.h"

#include <assert.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "key_digits8 puts the first digit in the lowest byte");

static size_t digits_needed(uint64_t number) {
    char digits[BYTES_U64_DIGITS_MAX];
    return bytes_format_u64(digits, number);
}

enum keys_status keys_init(struct keys *keys, struct bytes prefix, size_t size, uint64_t count) {
    assert(count >= 1 && count <= UINT32_MAX);
    if (size > KEY_SIZE_MAX) {
        return KEYS_TOO_LONG;
    }
    if (size < prefix.size + digits_needed(count - 1)) {
        return KEYS_TOO_SHORT;
    }
    *keys = (struct keys){.count = count, .size = size, .digits = size - prefix.size};
    memcpy(keys->zero, prefix.data, prefix.size);
    memset(keys->zero + prefix.size, '0', keys->digits);
    return KEYS_OK;
}

void key_patch_high(size_t digits, uint64_t high, char *end) {
    for (size_t i = 0; i < digits && high > 0; i++) {
        *--end = (char)('0' + high % 10);
        high /= 10;
    }
}

void key_patch_few(size_t digits, uint64_t digits8, char *end) {
    assert(digits < sizeof(digits8));
    memcpy(end - digits, (const char *)&digits8 + (sizeof(digits8) - digits), digits);
}
