/* SPDX-License-Identifier: MIT
 *
 * popularity: which of n keys is asked for next: all alike, or a few much more than most (Zipf).
 *
 * Constant time and no table, whatever n is: the popularity of 10,000,000 keys must not push the generator's
 * own data out of its cache. Read only after init; each thread brings its own random state.
 */
#ifndef LOAD_POPULARITY_H
#define LOAD_POPULARITY_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/random.h"

/* What rejection-inversion needs to know beforehand; see popularity.c. */
struct zipf {
    uint64_t count;
    double exponent;       /* above 0 */
    double integral_first; /* area left of rank 1 */
    double integral_end;   /* area up to rank `count` */
    double accept_below;   /* a candidate this near to its rank needs no further look */
};

struct popularity {
    bool uniform;
    uint64_t count;
    uint64_t stride; /* ranks are spread over the key space: key = rank * stride mod count, a permutation */
    struct zipf zipf;
};

/* count is 1 to 2^32 - 1, exponent above 0. */
void zipf_init(struct zipf *zipf, uint64_t count, double exponent);

/* A rank from 1 to count; rank r is drawn in proportion to r^-exponent. */
uint64_t zipf_next(const struct zipf *zipf, struct random *random);

/* An exponent of 0 is uniform. count is 1 to 2^32 - 1. */
void popularity_init(struct popularity *popularity, uint64_t count, double exponent);

/* An index from 0 to count - 1. */
uint32_t popularity_next(const struct popularity *popularity, struct random *random);

#endif
