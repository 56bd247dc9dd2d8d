/* SPDX-License-Identifier: MIT
 *
 * share: what each of several threads gets of something that is counted.
 */
#ifndef LOAD_SHARE_H
#define LOAD_SHARE_H

#include <stdint.h>

/*
 * Where the share of thread `index` begins; that of index + 1 is where it ends. All shares together are
 * `total` (below 2^53).
 */
static inline uint64_t share_begin(uint64_t total, uint64_t index, uint64_t count) {
    return total * index / count;
}

static inline uint64_t share_of(uint64_t total, uint64_t index, uint64_t count) {
    return share_begin(total, index + 1, count) - share_begin(total, index, count);
}

#endif
