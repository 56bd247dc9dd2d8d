/* SPDX-License-Identifier: MIT
 *
 * workload: what to send: which keys, in what popularity, with what values, how many gets and how many sets.
 *
 * Described once, read only afterwards; each thread draws from it with a random state of its own.
 */
#ifndef LOAD_WORKLOAD_H
#define LOAD_WORKLOAD_H

#include <stdint.h>

#include "key.h"
#include "popularity.h"
#include "reply.h"
#include "riposte/random.h"
#include "value.h"

struct request {
    uint32_t key; /* its number */
    enum request_kind kind;
};

struct workload {
    struct keys keys;
    struct values values; /* owned */
    struct popularity popularity;
    uint64_t get_below; /* of 2^32 equally likely numbers, those that make a get */
};

/* gets : sets, not both 0. */
void workload_ratio_set(struct workload *workload, uint64_t gets, uint64_t sets);

/* The next request of the measured load. */
struct request workload_next(const struct workload *workload, struct random *random);

#endif
