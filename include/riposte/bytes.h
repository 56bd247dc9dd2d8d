/* SPDX-License-Identifier: MIT
 *
 * bytes: a borrowed run of bytes, and the few questions that are asked of one.
 *
 * Everything that comes from the wire travels as a struct bytes: a pointer and a length, never a string that
 * ends in NUL. Nothing here allocates, nothing reads past `size`. Any thread may call.
 */
#ifndef RIPOSTE_BYTES_H
#define RIPOSTE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Borrowed, never owned: the text beside each use says from whom and until when. data may be NULL when size
 * is 0.
 */
struct bytes {
    const char *data;
    size_t size; /* in bytes */
};

/* Most characters that bytes_format_u64 writes: the digits of 2^64 - 1. */
enum { BYTES_U64_DIGITS_MAX = 20 };

static inline struct bytes bytes_of(const char *data, size_t size) {
    struct bytes bytes = {data, size};
    return bytes;
}

/*
 * The bytes of a C string that the program itself holds (a literal, a flag's argument); never for wire data.
 */
static inline struct bytes bytes_from_string(const char *string) {
    return bytes_of(string, strlen(string));
}

/* What follows the first `size` bytes of it; size <= text.size. */
static inline struct bytes bytes_after(struct bytes text, size_t size) {
    return bytes_of(text.data + size, text.size - size);
}

/* Most bytes that bytes_copy copies itself. */
enum { BYTES_COPY_SHORT_MAX = 128 };

/*
 * Copies `from` to `to`, where it does not overlap and there is room, and returns behind it: as memcpy, but for keys and
 * small values, for which that call would cost as much as the copy.
 */
static inline char *bytes_copy(char *to, struct bytes from) {
    size_t size = from.size;
    if (size - 16 <= BYTES_COPY_SHORT_MAX - 16) {
        size_t last = size - 16; /* the last step overlaps the one before */
        for (size_t at = 0; at < last; at += 16) {
            memcpy(to + at, from.data + at, 16);
        }
        memcpy(to + last, from.data + last, 16);
    } else if (size > 16) {
        memcpy(to, from.data, size);
    } else if (size >= 8) {
        memcpy(to, from.data, 8);
        memcpy(to + size - 8, from.data + size - 8, 8);
    } else if (size >= 4) {
        memcpy(to, from.data, 4);
        memcpy(to + size - 4, from.data + size - 4, 4);
    } else if (size > 0) {
        to[0] = from.data[0];
        to[size / 2] = from.data[size / 2];
        to[size - 1] = from.data[size - 1];
    }
    return to + size;
}

/* How many bytes stand before the first `wanted`; all of them when there is none. */
static inline size_t bytes_before(struct bytes text, char wanted) {
    const char *found = text.size == 0 ? NULL : (const char *)memchr(text.data, wanted, text.size);
    return found == NULL ? text.size : (size_t)(found - text.data);
}

static inline bool bytes_equal(struct bytes left, struct bytes right) {
    return left.size == right.size && (left.size == 0 || memcmp(left.data, right.data, left.size) == 0);
}

static inline bool bytes_equal_string(struct bytes left, const char *right) {
    return bytes_equal(left, bytes_from_string(right));
}

/*
 * memcpy for what may be large, which takes about as long wherever the two stand. memcpy itself may turn to `rep movsb`, and AMD's Zen 3
 * and later take 15 times as long with that where `to` is 1 to 63 bytes behind `from` modulo 4096, as it is when a byte is put before a
 * value (https://lunnova.dev/articles/ryzen-slow-short-rep-mov/).
 */
void bytes_copy_large(char *to, const char *from, size_t size);

/*
 * Decimal digits only, at least one and no sign, read whole: true and *number when `text` is nothing but a
 * number from 0 to 2^64 - 1 in at most 22 characters, leading zeros included; otherwise false
 * and *number untouched.
 */
bool bytes_parse_u64(struct bytes text, uint64_t *number);

/* As bytes_parse_u64, for 0 to 2^32 - 1 in at most 11 characters. */
bool bytes_parse_u32(struct bytes text, uint32_t *number);

/* As bytes_parse_u64 with an optional leading '-': -2^63 to 2^63 - 1. */
bool bytes_parse_i64(struct bytes text, int64_t *number);

/*
 * Writes `number` in decimal, without a terminator, and returns how many characters (1 to 20). `text` must
 * have room.
 */
size_t bytes_format_u64(char *text, uint64_t number);

#ifdef __cplusplus
}
#endif

#endif
