/* SPDX-License-Identifier: MIT
 *
 * bytes: the bounded number parser and writer, and a copy. See riposte/bytes.h.
 *
 * Pure functions: no allocation, no state, no locale, no terminator. Any thread may call.
 */
#include "riposte/bytes.h"

/* Longest spelling of a number, leading zeros included (src/protocol/memcached/README.md, "Numbers and times"). */
enum { U32_CHARACTERS_MAX = 11, U64_CHARACTERS_MAX = 22 };

enum {
    COPY_PAGE_SIZE = 4096, /* what addresses are compared modulo */
    COPY_SLOW_DISTANCE_MAX = 63,
    /* Below where memcpy turns to rep movsb: 2 KiB and more (glibc, sysdeps/x86/dl-cacheinfo.h). A size that is not constant: else the compiler does. */
    COPY_PIECE_SIZE = 1024,
};

static bool copy_is_slow(const char *to, const char *from) {
    size_t distance = ((uintptr_t)to - (uintptr_t)from) % COPY_PAGE_SIZE;
    return distance - 1 < COPY_SLOW_DISTANCE_MAX;
}

void bytes_copy_large(char *to, const char *from, size_t size) {
    size_t piece_size_max = copy_is_slow(to, from) ? COPY_PIECE_SIZE : size;
    while (size > 0) {
        size_t piece_size = size < piece_size_max ? size : piece_size_max;
        memcpy(to, from, piece_size);
        to += piece_size;
        from += piece_size;
        size -= piece_size;
    }
}

/* Digits only, overflow counts as not a number. The caller bounds the length. */
static bool digits_parse(struct bytes text, uint64_t *number) {
    uint64_t value = 0;
    if (text.size == 0) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *number = value;
    return true;
}

bool bytes_parse_u64(struct bytes text, uint64_t *number) {
    return text.size <= U64_CHARACTERS_MAX && digits_parse(text, number);
}

bool bytes_parse_u32(struct bytes text, uint32_t *number) {
    uint64_t value;
    if (text.size > U32_CHARACTERS_MAX || !digits_parse(text, &value) || value > UINT32_MAX) {
        return false;
    }
    *number = (uint32_t)value;
    return true;
}

bool bytes_parse_i64(struct bytes text, int64_t *number) {
    uint64_t magnitude;
    if (text.size == 0 || text.size > U64_CHARACTERS_MAX) {
        return false;
    }
    bool negative = text.data[0] == '-';
    if (!digits_parse(bytes_of(text.data + negative, text.size - negative), &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    /* Negated as unsigned: -(2^63) has no positive counterpart in int64_t. */
    *number = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

size_t bytes_format_u64(char *text, uint64_t number) {
    char reversed[BYTES_U64_DIGITS_MAX];
    size_t count = 0;
    do {
        reversed[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < count; i++) {
        text[i] = reversed[count - 1 - i];
    }
    return count;
}
