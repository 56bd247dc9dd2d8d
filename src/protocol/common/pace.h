/* SPDX-License-Identifier: MIT
 *
 * pace: whether a client that has begun something large goes on with it fast enough.
 *
 * Judged over windows of PACE_WINDOW_MS or less, by the bytes that came in each. Only time in which the server looked
 * counts: between two calls that are further apart than PROTOCOL_REST_MS, which is how often a session in the
 * middle of something is called, the server itself was elsewhere (stopped, or held up).
 *
 *      pace_begin --> { pace_kept, pace_rest }* at every call, with what came since the one before
 */
#ifndef PROTOCOL_PACE_H
#define PROTOCOL_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/record.h"

enum {
    PACE_WINDOW_MS = 10000,
    PACE_SCARCE_S = 30, /* a value that leaves others little room comes within so long */
};

struct pace {
    uint64_t looked_ns; /* monotonic time of the last call */
    uint64_t window_ns; /* how long a window is */
    uint64_t spent_ns;  /* time of this window that counts, below window_ns */
    uint64_t size;      /* bytes that came in this window */
};

/*
 * The rate to ask of a value of value_size bytes, in bytes a second, of which held_size are held while room_size is left for
 * all others: rate_min; where it holds more than it leaves, what brings such a value within PACE_SCARCE_S, if that is more. So a
 * few that trickle do not keep all others out. A rate_min of 0 stays.
 */
uint32_t pace_rate(uint32_t rate_min, size_t value_size, size_t held_size, size_t room_size);

/* Windows of window_ms, PACE_WINDOW_MS at most. */
void pace_begin(struct pace *pace, uint64_t now_ns, uint32_t window_ms);

/*
 * `size` bytes came since the last call. False when a window is over and less than rate_min bytes a second
 * came in it; rate_min 0: never.
 */
bool pace_kept(struct pace *pace, uint64_t now_ns, size_t size, uint32_t rate_min);

/* The time since the last call does not count: the server has not read. */
static inline void pace_rest(struct pace *pace, uint64_t now_ns) {
    pace->looked_ns = now_ns;
}

/* Writes it down, and reads it: bad where it is no pace. */
void pace_save(const struct pace *pace, struct record_writer *writer);
struct pace pace_read(struct record_reader *reader);

#endif
