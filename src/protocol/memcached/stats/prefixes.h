/* SPDX-License-Identifier: MIT
 *
 * prefixes: classic gets, sets and deletes counted by the part of their key before the first delimiter
 * (`stats detail`).
 *
 * One table for all workers behind a mutex, which is only taken while detail is on: an operator's tool for a
 * look at a busy moment, with the price that memcached asks for it too. At most PREFIXES_MAX prefixes are
 * kept; later ones are not counted. A listing holds the mutex for a bounded number of them at a time.
 */
#ifndef MEMCACHED_PREFIXES_H
#define MEMCACHED_PREFIXES_H

#include "call.h"

enum { PREFIXES_MAX = 16384 };

struct prefixes;

struct prefix_counts {
    uint64_t gets;
    uint64_t hits;
    uint64_t sets;
    uint64_t deletes;
};

/* NULL when memory ends. */
struct prefixes *prefixes_create(char delimiter);
void prefixes_destroy(struct prefixes *prefixes);

/* Adds to the counts of the key's prefix; keys without a delimiter have none. Any worker. */
void prefixes_count(struct prefixes *prefixes, struct bytes key, struct prefix_counts counts);

/* Forgets everything. Any worker. */
void prefixes_reset(struct prefixes *prefixes);

/*
 * Begins a listing, "PREFIX <p> get <n> hit <n> set <n> del <n>" lines and END: the session is in state
 * PREFIXES. It counts as a request at its end.
 */
void prefixes_dump_begin(struct mc_call *call);

/* Writes the next piece. Always false: whether it is the last or not, others come first. */
bool prefixes_dump_continue(struct mc_call *call);

#endif
