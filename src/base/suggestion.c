/* SPDX-License-Identifier: MIT
 *
 * suggestion: the edit distance of two short words, and the nearest word so far. See suggestion.h.
 */
#include "suggestion.h"

#include <stdint.h>

enum { PREFIX_SIZE_MIN = 3 };

static unsigned least(unsigned first, unsigned second) {
    return first < second ? first : second;
}

/*
 * rows[i][j] is the distance of the first i bytes of left and the first j of right. Words are short: the
 * whole matrix is easier to read than two rolling rows.
 */
unsigned suggestion_distance(struct bytes left, struct bytes right) {
    unsigned rows[SUGGESTION_WORD_SIZE_MAX + 1][SUGGESTION_WORD_SIZE_MAX + 1];
    if (left.size > SUGGESTION_WORD_SIZE_MAX || right.size > SUGGESTION_WORD_SIZE_MAX) {
        return UINT32_MAX;
    }
    for (unsigned j = 0; j <= right.size; j++) {
        rows[0][j] = j;
    }
    for (unsigned i = 1; i <= left.size; i++) {
        rows[i][0] = i;
        for (unsigned j = 1; j <= right.size; j++) {
            unsigned differs = left.data[i - 1] != right.data[j - 1];
            unsigned edited = least(rows[i - 1][j], rows[i][j - 1]) + 1;
            rows[i][j] = least(edited, rows[i - 1][j - 1] + differs);
            if (i > 1 && j > 1 && left.data[i - 1] == right.data[j - 2] &&
                left.data[i - 2] == right.data[j - 1]) {
                rows[i][j] = least(rows[i][j], rows[i - 2][j - 2] + 1);
            }
        }
    }
    return rows[left.size][right.size];
}

struct suggestion suggestion_begin(struct bytes typed) {
    return (struct suggestion){.typed = typed, .distance = UINT32_MAX};
}

void suggestion_consider(struct suggestion *suggestion, const char *candidate, const void *tag) {
    struct bytes typed = suggestion->typed;
    struct bytes word = bytes_from_string(candidate);
    unsigned distance = suggestion_distance(typed, word);
    unsigned distance_max = (unsigned)typed.size / 3 + 1;
    bool is_prefix = typed.size >= PREFIX_SIZE_MIN && typed.size < word.size &&
                     bytes_equal(typed, bytes_of(word.data, typed.size));
    if (is_prefix) {
        distance = least(distance, distance_max);
    }
    if (distance <= distance_max && distance < suggestion->distance) {
        suggestion->distance = distance;
        suggestion->best = tag;
    }
}
