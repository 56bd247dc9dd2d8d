/* SPDX-License-Identifier: MIT
 *
 * cgroup: what the control groups of this process let it have (cgroups(7), version 1 and 2).
 *
 * A limit stands in a file of the group's folder, and every folder above may set a lower one: the lowest
 * counts. Inside a container the path that /proc/self/cgroup names may not be there at all; then the root of
 * the mount is the container's own group.
 *
 * `root` stands before every path that is read: "" for this machine, a folder with a tree of its own for
 * tests. What cannot be read limits nothing. Any thread; nothing is kept.
 */
#ifndef RIPOSTE_BASE_CGROUP_H
#define RIPOSTE_BASE_CGROUP_H

#include <stdint.h>

#define CGROUP_UNLIMITED UINT64_MAX

/* CPUs' worth of time, at least 1, rounded up: cpu.max of version 2, cpu.cfs_quota_us of version 1. */
uint64_t cgroup_cpus(const char *root);

/* Bytes: memory.max of version 2, memory.limit_in_bytes of version 1. */
uint64_t cgroup_memory_size(const char *root);

#endif
