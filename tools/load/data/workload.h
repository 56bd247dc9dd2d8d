/* SPDX-License-Identifier: MIT
 *
 * workload: what to send: which keys, in what popularity, with what values, how many gets and how many sets.
 *
 * Described once, read only afterwards; each thread draws from it with a random state of its own.
 */
#ifndef LOAD_WORKLOAD_H
#define LOAD_WORKLOAD_H

#include <assert.h>
#include <stdint.h>

#include "key.h"
#include "popularity.h"
#include "riposte/random.h"
#include "value.h"

enum request_kind { REQUEST_GET, REQUEST_SET };

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
static inline void workload_ratio_set(struct workload *workload, uint64_t gets, uint64_t sets) {
    assert(gets + sets > 0 && gets <= UINT32_MAX && sets <= UINT32_MAX);
    workload->get_below = (gets << 32) / (gets + sets);
}

/* The next request of the measured load. */
static inline struct request workload_next(const struct workload *workload, struct random *random) {
    struct request request = {.key = popularity_next(&workload->popularity, random), .kind = REQUEST_GET};
    bool is_mixed = workload->get_below <= UINT32_MAX;
    if (is_mixed && random_next(random) >> 32 >= workload->get_below) {
        request.kind = REQUEST_SET;
    }
    return request;
}

#endif
