/* SPDX-License-Identifier: MIT
 *
 * sysinfo: how much of the machine this process may use. Any thread; nothing is kept.
 */
#ifndef RIPOSTE_BASE_SYSINFO_H
#define RIPOSTE_BASE_SYSINFO_H

#include <stdint.h>

/*
 * The CPUs of the calling thread's affinity mask: their number (>= 1), and the first `cpus_count_max` of
 * their numbers, ascending.
 */
unsigned sysinfo_cpus(unsigned *cpus, unsigned cpus_count_max);

/* CPUs' worth of time that the control group grants, rounded up; 0 when nothing limits it. */
unsigned sysinfo_quota_cpus(void);

/* Bytes of physical memory, or the limit of the control group where that is lower. */
uint64_t sysinfo_memory_size(void);

/* Bytes of memory that could be had without the system beginning to swap (MemAvailable of proc(5)); 0 where it does not say. */
uint64_t sysinfo_memory_available(void);

#endif
