/* SPDX-License-Identifier: MIT
 *
 * wall_clock: compares the three clocks once a second. See wall_clock.h.
 */
#include "wall_clock.h"

#include <assert.h>
#include <inttypes.h>
#include <time.h>

#include "riposte/check.h"
#include "riposte/clock.h"
#include "riposte/log.h"
#include "riposte/store.h"

static const int64_t second_ns = (int64_t)CLOCK_NS_PER_S;

static int64_t read_ns(clockid_t id) {
    struct timespec time;
    int status = clock_gettime(id, &time);
    assert(status == 0); /* all three clocks exist on every Linux that runs this, the pointer is ours */
    return (int64_t)time.tv_sec * second_ns + time.tv_nsec;
}

struct wall_times wall_times_read(void) {
    return (struct wall_times){.monotonic_ns = read_ns(CLOCK_MONOTONIC),
                               .boot_ns = read_ns(CLOCK_BOOTTIME),
                               .real_ns = read_ns(CLOCK_REALTIME)};
}

void wall_clock_init(struct wall_clock *clock, const struct wall_times *times) {
    clock->suspended_ns = times->boot_ns - times->monotonic_ns;
    clock->wall_ns = times->real_ns - times->boot_ns;
    clock->compared = false;
    atomic_init(&clock->look_ns, (uint64_t)times->monotonic_ns);
}

/*
 * Moves *known towards `now` by whole seconds, to the nearest where there are some: clocks are not read at one moment. Returns how many;
 * what is left over counts next time.
 */
static int64_t seconds_moved(int64_t *known, int64_t now) {
    int64_t difference = now - *known;
    if (difference > -second_ns && difference < second_ns) {
        return 0;
    }
    int64_t seconds = (difference + (difference < 0 ? -second_ns : second_ns) / 2) / second_ns;
    *known += seconds * second_ns;
    return seconds;
}

static void shift_wall(struct store *store, int64_t seconds) {
    log_line(LOG_LEVEL_INFO,
             "the wall clock was set by %+" PRId64
             " s: absolute expiry times that are given from now on follow it",
             seconds);
    store_clock_shift_wall(store, seconds);
}

void wall_clock_follow(struct wall_clock *clock, const struct wall_times *times, struct store *store) {
    int64_t suspended_s = seconds_moved(&clock->suspended_ns, times->boot_ns - times->monotonic_ns);
    int64_t set_s = seconds_moved(&clock->wall_ns, times->real_ns - times->boot_ns);
    if (suspended_s > 0) {
        log_line(LOG_LEVEL_INFO, "the machine was suspended for %" PRId64 " s: items have aged by as much",
                 suspended_s);
        store_clock_advance(store, (uint32_t)suspended_s);
    }
    if (set_s != 0) {
        shift_wall(store, set_s);
    }
}

void wall_clock_compare(struct wall_clock *clock, const struct wall_times *times, struct store *store) {
    enum { CUT_OFF_S = 2 };
    uint64_t told_s = store_clock_unix_s(store, (uint64_t)times->monotonic_ns);
    int64_t set_s = times->real_ns / second_ns - (int64_t)told_s;
    if (set_s < -CUT_OFF_S || set_s > CUT_OFF_S) {
        clock->wall_ns = times->real_ns - times->boot_ns;
        shift_wall(store, set_s);
    }
    clock->compared = true;
}

void wall_clock_turn(struct wall_clock *clock, struct store *store, uint64_t now_ns) {
    /* relaxed: a hint; who takes it looks again. */
    uint64_t look_ns = atomic_load_explicit(&clock->look_ns, memory_order_relaxed);
    /* acquire: what the last worker that compared has written is seen. */
    if (likely(now_ns < look_ns) ||
        !atomic_compare_exchange_strong_explicit(&clock->look_ns, &look_ns, UINT64_MAX, memory_order_acquire,
                                                 memory_order_relaxed)) {
        return;
    }
    struct wall_times times = wall_times_read();
    if (unlikely(!clock->compared)) {
        wall_clock_compare(clock, &times, store);
    }
    wall_clock_follow(clock, &times, store);
    /* release: pairs with the acquire above. */
    atomic_store_explicit(&clock->look_ns, now_ns + CLOCK_NS_PER_S, memory_order_release);
}
