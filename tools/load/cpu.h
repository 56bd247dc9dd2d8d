/* SPDX-License-Identifier: MIT
 *
 * cpu: where the calling thread runs and how much CPU it has used.
 */
#ifndef LOAD_CPU_H
#define LOAD_CPU_H

#include <stdint.h>

/* Of the calling thread, since it began. */
struct cpu_usage {
    uint64_t user_ns;
    uint64_t system_ns;
    uint64_t preemptions; /* involuntary context switches */
};

/* Ties the calling thread to one CPU. 0 or a negative errno. */
int cpu_pin(unsigned cpu);

struct cpu_usage cpu_usage_read(void);

#endif
