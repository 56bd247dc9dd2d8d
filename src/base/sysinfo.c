/* SPDX-License-Identifier: MIT
 *
 * sysinfo: the affinity mask, physical memory, and what control groups take away from both. See sysinfo.h.
 */
#include "sysinfo.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "riposte/bytes.h"

unsigned sysinfo_cpus(unsigned *cpus, unsigned cpus_count_max) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) < 0) {
        /* EINVAL: more CPUs than the set holds. One thread on any CPU is always possible. */
        if (cpus_count_max > 0) {
            cpus[0] = 0;
        }
        return 1;
    }
    unsigned count = 0;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            if (count < cpus_count_max) {
                cpus[count] = cpu;
            }
            count++;
        }
    }
    return count > 0 ? count : 1;
}

unsigned sysinfo_quota_cpus(void) {
    uint64_t cpus = cgroup_cpus("");
    return cpus == CGROUP_UNLIMITED ? 0 : cpus > UINT32_MAX ? UINT32_MAX : (unsigned)cpus;
}

uint64_t sysinfo_memory_size(void) {
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);
    uint64_t physical = pages > 0 && page_size > 0 ? (uint64_t)pages * (uint64_t)page_size : 0;
    uint64_t granted = cgroup_memory_size("");
    return granted < physical ? granted : physical;
}

uint64_t sysinfo_memory_available(void) {
    static const char name[] = "MemAvailable:";
    char line[128];
    uint64_t size_kib = 0;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, sizeof(name) - 1) == 0) {
            const char *number = line + sizeof(name) - 1;
            number += strspn(number, " ");
            bytes_parse_u64(bytes_of(number, strspn(number, "0123456789")), &size_kib);
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return size_kib * 1024;
}
