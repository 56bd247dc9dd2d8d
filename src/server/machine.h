/* SPDX-License-Identifier: MIT
 *
 * machine: how much of the machine this process may use. Any thread may call.
 */
#ifndef RIPOSTE_SERVER_MACHINE_H
#define RIPOSTE_SERVER_MACHINE_H

#include <stdint.h>

/* Bytes of physical memory, or the limit of the process's control group (v2 and v1) where that is lower. */
uint64_t machine_memory_size(void);

/* CPUs of the calling thread's affinity mask, at least 1. */
uint32_t machine_cpus_count(void);

#endif
