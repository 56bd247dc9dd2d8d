/* SPDX-License-Identifier: MIT
 *
 * value: reads what sizes were asked for, and makes, cuts and compares values.
 */
#include "value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"
#include "riposte/check.h"
#include "riposte/random.h"

/* Of the text, not of the run: values must be the same in every run. */
#define TEXT_SEED UINT64_C(0x726970)

/*
 * Splits at the first `separator`: *head gets what stands before it, *rest what follows. False: there is
 * none, all is head.
 */
static bool bytes_split(struct bytes text, char separator, struct bytes *head, struct bytes *rest) {
    const char *found = text.size == 0 ? NULL : memchr(text.data, separator, text.size);
    size_t head_size = found == NULL ? text.size : (size_t)(found - text.data);
    *head = bytes_of(text.data, head_size);
    *rest = found == NULL ? bytes_of(NULL, 0) : bytes_of(found + 1, text.size - head_size - 1);
    return found != NULL;
}

static bool size_parse(struct bytes text, uint64_t *size) {
    return units_parse_size(text, 1, size) && *size <= VALUE_SIZE_MAX;
}

static bool range_parse(struct bytes text, struct value_sizes *sizes) {
    struct bytes from;
    struct bytes to;
    bool is_range = bytes_split(text, '-', &from, &to);
    if (!size_parse(from, &sizes->size_min) || !size_parse(is_range ? to : from, &sizes->size_max)) {
        return false;
    }
    sizes->size_mean = (sizes->size_min + sizes->size_max) / 2;
    return sizes->size_min <= sizes->size_max;
}

/* share_end holds the sums of the shares as written; brings them to 2^32 in all. */
static void shares_scale(struct value_sizes *sizes) {
    uint64_t total = sizes->choices[sizes->choices_count - 1].share_end;
    uint64_t before = 0;
    double mean = 0;
    for (unsigned i = 0; i < sizes->choices_count; i++) {
        struct value_choice *choice = &sizes->choices[i];
        mean += (double)choice->size * (double)(choice->share_end - before) / (double)total;
        before = choice->share_end;
        choice->share_end = (uint64_t)(((unsigned __int128)choice->share_end << 32) / total);
        sizes->size_min = i == 0 || choice->size < sizes->size_min ? choice->size : sizes->size_min;
        sizes->size_max = choice->size > sizes->size_max ? choice->size : sizes->size_max;
    }
    sizes->size_mean = (uint64_t)mean;
}

static bool choices_parse(struct bytes text, struct value_sizes *sizes) {
    uint64_t total = 0;
    bool more = true;
    while (more) {
        struct bytes item;
        struct bytes size;
        struct bytes share;
        uint32_t weight;
        more = bytes_split(text, ',', &item, &text);
        if (sizes->choices_count == VALUE_CHOICES_MAX || !bytes_split(item, ':', &size, &share) ||
            !bytes_parse_u32(share, &weight) || weight == 0) {
            return false;
        }
        struct value_choice *choice = &sizes->choices[sizes->choices_count++];
        if (!size_parse(size, &choice->size)) {
            return false;
        }
        total += weight;
        choice->share_end = total;
    }
    shares_scale(sizes);
    return true;
}

bool value_sizes_parse(struct bytes text, struct value_sizes *sizes) {
    struct value_sizes result = {0};
    bool is_list = text.size > 0 && memchr(text.data, ':', text.size) != NULL;
    if (!(is_list ? choices_parse(text, &result) : range_parse(text, &result))) {
        return false;
    }
    *sizes = result;
    return true;
}

/* 48 bits of `hash` as eight printable characters. */
static uint64_t printable(uint64_t hash) {
    return (hash & UINT64_C(0x3f3f3f3f3f3f3f3f)) + UINT64_C(0x3030303030303030);
}

bool values_init(struct values *values, const struct value_sizes *sizes) {
    enum { TEXT_SIZE = 2 * VALUE_PERIOD };
    struct random random = {.state = TEXT_SEED};
    *values = (struct values){.sizes = *sizes, .text = malloc(TEXT_SIZE)};
    if (values->text == NULL) {
        return false;
    }
    for (size_t i = 0; i < VALUE_PERIOD; i++) {
        values->text[i] = (char)printable(random_next(&random));
        values->text[i + VALUE_PERIOD] = values->text[i];
    }
    return true;
}

void values_deinit(struct values *values) {
    free(values->text);
    values->text = NULL;
}

static size_t choice_size(const struct value_sizes *sizes, uint32_t share) {
    const struct value_choice *choice = sizes->choices;
    while (share >= choice->share_end) {
        choice++;
    }
    return choice->size;
}

static size_t size_of_key(const struct value_sizes *sizes, uint64_t hash) {
    if (likely(sizes->size_min == sizes->size_max)) {
        return sizes->size_min;
    }
    if (sizes->choices_count > 0) {
        return choice_size(sizes, (uint32_t)hash);
    }
    uint64_t span = sizes->size_max - sizes->size_min + 1;
    return sizes->size_min + (((hash & UINT32_MAX) * span) >> 32);
}

struct value value_of(const struct values *values, uint32_t key) {
    /* The finishing steps of splitmix64: neighbouring keys get unrelated hashes. */
    uint64_t hash = (key + 1) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
    hash ^= hash >> 31;
    struct value value = {.text = values->text, .size = size_of_key(&values->sizes, hash)};
    uint64_t stamp = printable(hash);
    memcpy(value.stamp, &stamp, sizeof(stamp));
    value.offset = (size_t)(hash >> 40) % VALUE_OFFSETS;
    return value;
}

struct bytes value_piece(const struct value *value, size_t position, size_t wanted) {
    assert(position < value->size && wanted > 0);
    size_t left = value->size - position;
    size_t size = wanted < left ? wanted : left;
    if (position < VALUE_STAMP_SIZE) {
        size_t stamp_left = VALUE_STAMP_SIZE - position;
        return bytes_of(value->stamp + position, size < stamp_left ? size : stamp_left);
    }
    size_t at = (value->offset + position - VALUE_STAMP_SIZE) % VALUE_PERIOD;
    return bytes_of(value->text + at, size < VALUE_PERIOD ? size : VALUE_PERIOD);
}

void value_copy(const struct value *value, char *target) {
    for (size_t position = 0; position < value->size;) {
        struct bytes piece = value_piece(value, position, value->size);
        memcpy(target + position, piece.data, piece.size);
        position += piece.size;
    }
}

/* Of the stamp. */
static bool stamp_matches(const struct value *value, struct bytes piece) {
    uint64_t expected;
    uint64_t found;
    if (piece.size < VALUE_STAMP_SIZE) {
        return memcmp(piece.data, value->stamp, piece.size) == 0;
    }
    memcpy(&expected, value->stamp, sizeof(expected));
    memcpy(&found, piece.data, sizeof(found));
    return expected == found;
}

bool value_matches(const struct value *value, size_t position, struct bytes piece) {
    assert(position + piece.size <= value->size);
    size_t done = 0;
    if (position == 0) {
        if (!stamp_matches(value, piece)) {
            return false;
        }
        done = piece.size < VALUE_STAMP_SIZE ? piece.size : VALUE_STAMP_SIZE;
    }
    while (done < piece.size) {
        struct bytes expected = value_piece(value, position + done, piece.size - done);
        if (memcmp(piece.data + done, expected.data, expected.size) != 0) {
            return false;
        }
        done += expected.size;
    }
    return true;
}
