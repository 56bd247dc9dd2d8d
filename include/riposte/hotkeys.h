/* SPDX-License-Identifier: MIT
 *
 * hotkeys: the busiest keys, estimated from one request in 64.
 *
 * Each worker thread has a sketch (space-saving: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent
 * and top-k elements in data streams", 2005): so many keys with a count each; a key that is not among them takes
 * the place, and the count, of the one with the lowest. A key with a larger share of the requests than one in
 * HOTKEYS_ENTRIES_COUNT is always among them, and counted too high rather than too low.
 *
 * Requests are drawn at random distances, so that no pattern of a client's hides a key or makes one look busy.
 * A sketch covers HOTKEYS_WINDOW_S; the one before is kept beside it, and what is older is forgotten: no key is
 * held for longer than twice that.
 */
#ifndef RIPOSTE_HOTKEYS_H
#define RIPOSTE_HOTKEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HOTKEYS_ENTRIES_COUNT = 64, /* keys of one sketch */
    HOTKEYS_SAMPLE_PERIOD = 64, /* of so many requests one is counted, on average */
    HOTKEYS_WINDOW_S = 300,     /* seconds */
    HOTKEYS_KEY_SIZE_MAX = 250, /* bytes */
};

struct hotkeys;

/* Of one worker thread; only that thread calls, but for hotkeys_top. */
struct hotkeys_worker {
    uint32_t left; /* requests until the next one that is counted, >= 1 */
};

/* NULL when memory ends. */
struct hotkeys *hotkeys_create(unsigned workers_max);

/* Nobody counts any more. NULL is allowed. */
void hotkeys_destroy(struct hotkeys *hotkeys);

/* The part of a thread, 0 to workers_max - 1; lives as long as `hotkeys`. */
struct hotkeys_worker *hotkeys_worker(struct hotkeys *hotkeys, unsigned worker_index);

/* The slow half of hotkeys_count. */
void hotkeys_sample(struct hotkeys_worker *worker, struct bytes key, bool writes);

/* A request reads or writes `key` (1 to HOTKEYS_KEY_SIZE_MAX bytes). A decrement, 63 times of 64. */
static inline void hotkeys_count(struct hotkeys_worker *worker, struct bytes key, bool writes) {
    if (__builtin_expect(--worker->left == 0, 0)) {
        hotkeys_sample(worker, key, writes);
    }
}

/* Counts so many requests at once. False, and none counted, where one of them is to be looked at. */
static inline bool hotkeys_skip(struct hotkeys_worker *worker, unsigned count) {
    bool skips = count < worker->left;
    worker->left -= skips ? count : 0;
    return skips;
}

/* One of the busiest. */
struct hotkey {
    double reads_per_s; /* estimates over what the sketches cover */
    double writes_per_s;
    size_t key_size;
    char key[HOTKEYS_KEY_SIZE_MAX];
};

/* Fills up to count_max rows, the busiest first, merged over all workers; returns how many. Any thread. */
unsigned hotkeys_top(struct hotkeys *hotkeys, struct hotkey *rows, unsigned count_max);

#ifdef __cplusplus
}
#endif

#endif
