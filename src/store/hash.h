/* SPDX-License-Identifier: MIT
 *
 * hash: the 64-bit hash of a key (XXH3 with a secret seed).
 *
 * The low bits choose the bucket, the high bits are the entry's tag: bucket numbers have at most 32 bits,
 * tags 15, so the two never overlap. The seed comes from the configuration; it keeps strangers from
 * choosing keys that share a bucket.
 */
#ifndef RIPOSTE_STORE_HASH_H
#define RIPOSTE_STORE_HASH_H

#include <stdint.h>

#include "riposte/bytes.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static inline uint64_t hash_key(uint64_t seed, struct bytes key) {
    return XXH3_64bits_withSeed(key.data, key.size, seed);
}

#endif
