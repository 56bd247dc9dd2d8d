/* SPDX-License-Identifier: MIT
 *
 * random: seeds from the kernel, and a small repeatable generator for tests and load.
 *
 * Not for secrets: the generator is splitmix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
 * generators"). Each thread owns its own state.
 */
#ifndef RIPOSTE_RANDOM_H
#define RIPOSTE_RANDOM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct random {
    uint64_t state;
};

/* A seed from getrandom(2). Falls back to the clock where the call is refused, so it never fails. */
uint64_t random_seed(void);

/* The next of 2^64 equally likely numbers. */
uint64_t random_next(struct random *random);

/* A number from 0 to bound - 1, each equally likely; bound >= 1. */
uint64_t random_below(struct random *random, uint64_t bound);

#ifdef __cplusplus
}
#endif

#endif
