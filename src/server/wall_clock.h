/* SPDX-License-Identifier: MIT
 *
 * wall_clock: keeps the store's clock in step with the world.
 *
 * The store counts seconds of CLOCK_MONOTONIC, which stands still while the machine is suspended and knows nothing of a wall
 * clock that is set. Once a second one worker compares:
 *
 *      CLOCK_BOOTTIME - CLOCK_MONOTONIC grew    the machine was suspended: the store's clock is moved on by as much, so that
 *                                               what was to expire meanwhile has expired
 *      CLOCK_REALTIME - CLOCK_BOOTTIME changed  somebody set the wall clock: absolute expiry times (Unix times) given from now
 *                                               on are counted from the new one; times to live are not touched
 *
 * (clock_gettime(2); CLOCK_BOOTTIME: Linux 2.6.39.)
 */
#ifndef RIPOSTE_SERVER_WALL_CLOCK_H
#define RIPOSTE_SERVER_WALL_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct store;

/* Nanoseconds of the three clocks, read together. */
struct wall_times {
    int64_t monotonic_ns;
    int64_t boot_ns;
    int64_t real_ns;
};

struct wall_clock {
    _Atomic uint64_t look_ns; /* monotonic; the next comparison. UINT64_MAX while one is under way */
    bool compared;            /* with what the store itself says, once: see wall_clock_compare */
    int64_t suspended_ns;     /* CLOCK_BOOTTIME - CLOCK_MONOTONIC as the store knows it */
    int64_t wall_ns;          /* CLOCK_REALTIME - CLOCK_BOOTTIME as the store knows it */
};

struct wall_times wall_times_read(void);

/* From now on clocks are watched; the first turn compares the store's with them. Before the workers. */
void wall_clock_init(struct wall_clock *clock, const struct wall_times *times);

/* Tells the store what has happened since the last comparison, in whole seconds. One thread at a time. */
void wall_clock_follow(struct wall_clock *clock, const struct wall_times *times, struct store *store);

/*
 * Another process may have had the store before, whose last look was a second before it gave it away: what the clock was set by since
 * then is told to the store. Two seconds are within what is left over of looks and cut off of seconds. One thread at a time.
 */
void wall_clock_compare(struct wall_clock *clock, const struct wall_times *times, struct store *store);

/* Once per turn, before requests are served: compares when a second has passed. Any worker. */
void wall_clock_turn(struct wall_clock *clock, struct store *store, uint64_t now_ns);

#endif
