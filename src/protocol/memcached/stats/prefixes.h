/* SPDX-License-Identifier: MIT
 *
 * prefixes: classic gets, sets and deletes counted by the part of their key before the first delimiter
 * (`stats detail`).
 *
 *      worker 0  | table | --\
 *      worker 1  | table | ---+-- gathered in pieces --> | table of the listing | -- written in pieces -->
 *      worker n  | table | --/
 *
 * Each worker counts in a table of its own, behind a mutex of its own that nobody else takes but a listing, for a bounded
 * number of prefixes at a time, and a reset: no request waits for another worker's. At most PREFIXES_MAX prefixes are kept
 * by a worker, and PREFIXES_MEMORY_MAX bytes by all of them and all listings; what has no room is counted as left out. Names are
 * hashed with a seed of this process: no client can choose keys that take long.
 */
#ifndef MEMCACHED_PREFIXES_H
#define MEMCACHED_PREFIXES_H

#include "call.h"

enum {
    PREFIXES_MAX = 16384,
    PREFIXES_MEMORY_MAX = 64 * 1024 * 1024,
};

struct prefixes;        /* what all workers share */
struct prefixes_worker; /* one worker's */
struct prefixes_dump;   /* a listing under way */

struct prefix_counts {
    uint64_t gets;
    uint64_t hits;
    uint64_t sets;
    uint64_t deletes;
};

/* NULL when memory ends. All of its workers' are destroyed before it. */
struct prefixes *prefixes_create(char delimiter);
void prefixes_destroy(struct prefixes *prefixes);

/* NULL when memory ends. Destroyed by its worker, which no listing can find any more. */
struct prefixes_worker *prefixes_worker_create(struct prefixes *prefixes);
void prefixes_worker_destroy(struct prefixes_worker *own);

/* Bytes of all tables, at most PREFIXES_MEMORY_MAX. Any thread. */
size_t prefixes_memory_size(const struct prefixes *prefixes);

/*
 * Adds to the counts of the key's prefix; keys without a delimiter have none. False when there is no room for it. The
 * worker's own thread.
 */
bool prefixes_count(struct prefixes_worker *own, struct bytes key, struct prefix_counts counts);

/* Forgets everything that the workers have counted. Any worker. */
void prefixes_reset(struct memcached_service *service);

/*
 * Begins a listing, "PREFIX <p> get <n> hit <n> set <n> del <n>" lines and END: the session is in state
 * PREFIXES. It counts as a request at its end.
 */
void prefixes_dump_begin(struct mc_call *call);

/* Gathers or writes the next piece. Always false: whether it is the last or not, others come first. */
bool prefixes_dump_continue(struct mc_call *call);

/* The client is gone. */
void prefixes_dump_discard(struct prefixes_dump *dump);

#endif
