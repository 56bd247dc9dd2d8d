/* SPDX-License-Identifier: MIT
 *
 * value: what is stored under key number i: its size and every byte follow from i alone, so each reply can be
 * checked, whoever stored it and in whatever run.
 *
 *      | stamp: 8 characters, a hash of i | body: a run of one fixed random text, from an offset that i gives |
 *
 * The text repeats with a period of VALUE_PERIOD, a prime, so that a piece that landed a power of two away is
 * found out. The body of a small value comes from the first few KiB of the text: checking stays in the
 * first-level cache. Read only after init; any thread.
 */
#ifndef LOAD_VALUE_H
#define LOAD_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"

enum {
    VALUE_STAMP_SIZE = 8,
    VALUE_PERIOD = 65521,
    VALUE_OFFSETS = 4096, /* bodies start at one of so many places */
    VALUE_CHOICES_MAX = 16,
};

#define VALUE_SIZE_MAX ((uint64_t)1 << 30)

/* One size with its share of the keys; shares add up to 2^32. */
struct value_choice {
    uint64_t size;
    uint64_t share_end; /* of this choice and those before it */
};

/* Sizes: from size_min to size_max alike (both equal: one size), or, when choices_count > 0, a list. */
struct value_sizes {
    uint64_t size_min;
    uint64_t size_max; /* also the largest choice */
    uint64_t size_mean;
    unsigned choices_count;
    struct value_choice choices[VALUE_CHOICES_MAX];
};

struct values {
    struct value_sizes sizes;
    char *text; /* owned; the period twice: VALUE_PERIOD bytes from any offset are in one piece */
};

/* The value of one key. Borrows from `values`. */
struct value {
    char stamp[VALUE_STAMP_SIZE];
    const char *text;
    size_t offset; /* of the body in the text */
    size_t size;
};

/*
 * "32", "100-1000" (every size alike), "32:60,1k:30,16k:10" (shares). False: not understood, or above
 * VALUE_SIZE_MAX.
 */
bool value_sizes_parse(struct bytes text, struct value_sizes *sizes);

/* False: no memory. */
bool values_init(struct values *values, const struct value_sizes *sizes);
void values_deinit(struct values *values);

/* The same for the same key in every run, whatever the seed. */
struct value value_of(const struct values *values, uint32_t key);

/*
 * The longest run in one piece from `position` on (below value->size), at most `wanted`. Borrowed from *value
 * and its text.
 */
struct bytes value_piece(const struct value *value, size_t position, size_t wanted);

/* Writes value->size bytes. */
void value_copy(const struct value *value, char *target);

/* Whether `piece` is what stands at `position`; both within value->size. */
bool value_matches(const struct value *value, size_t position, struct bytes piece);

#endif
