/* SPDX-License-Identifier: MIT
 *
 * cpu: see cpu.h.
 */
#include "cpu.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

#include "riposte/clock.h"

int cpu_pin(unsigned cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) < 0 ? -errno : 0;
}

static uint64_t time_ns(struct timeval time) {
    return (uint64_t)time.tv_sec * CLOCK_NS_PER_S + (uint64_t)time.tv_usec * CLOCK_NS_PER_US;
}

struct cpu_usage cpu_usage_read(void) {
    struct rusage usage;
    int status = getrusage(RUSAGE_THREAD, &usage);
    assert(status == 0); /* fails only for a bad argument (getrusage(2)) */
    (void)status;
    return (struct cpu_usage){
        .user_ns = time_ns(usage.ru_utime),
        .system_ns = time_ns(usage.ru_stime),
        .preemptions = (uint64_t)usage.ru_nivcsw,
    };
}
