/* SPDX-License-Identifier: MIT
 *
 * clock: clock_gettime(2) in nanoseconds. See riposte/clock.h. Any thread may call.
 */
#include "riposte/clock.h"

#include <assert.h>
#include <time.h>

static uint64_t clock_read_ns(clockid_t clock) {
    struct timespec time;
    int status = clock_gettime(clock, &time);
    assert(status == 0); /* the clocks exist on every Linux, the pointer is ours */
    return (uint64_t)time.tv_sec * CLOCK_NS_PER_S + (uint64_t)time.tv_nsec;
}

uint64_t clock_monotonic_ns(void) {
    return clock_read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_real_ns(void) {
    return clock_read_ns(CLOCK_REALTIME);
}

uint64_t clock_thread_cpu_ns(void) {
    return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}
