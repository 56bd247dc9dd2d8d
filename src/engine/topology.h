/* SPDX-License-Identifier: MIT
 *
 * topology: which CPUs this process may use, and how much of them. Any thread; nothing is kept.
 */
#ifndef RIPOSTE_ENGINE_TOPOLOGY_H
#define RIPOSTE_ENGINE_TOPOLOGY_H

#include <sched.h>

/*
 * The CPUs of the calling thread's affinity mask: their number (>= 1), and the first `cpus_count_max` of
 * their numbers, ascending.
 */
unsigned topology_cpus(unsigned *cpus, unsigned cpus_count_max);

/*
 * CPUs' worth of time that the control group of this process grants (cgroup v2 cpu.max, v1 cpu.cfs_quota_us;
 * the smallest on the path to the root), rounded up; 0 when nothing limits it or nothing can be read.
 */
unsigned topology_quota_cpus(void);

#endif
