/* SPDX-License-Identifier: MIT
 *
 * machine: physical memory, control-group limits, the affinity mask. See machine.h.
 *
 * A control group's limit stands in a file of its folder, and every folder above may set a lower one
 * (cgroups(7)). Inside a container the path of /proc/self/cgroup may not be there at all; then the root of
 * the mount is the container's own group.
 */
#include "machine.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "riposte/bytes.h"

enum { LINE_SIZE_MAX = 4096, PATH_SIZE_MAX = LINE_SIZE_MAX + 64 };

/* The number alone on the first line of a file; "max", "-1" and what cannot be read are no number. */
static bool file_number(const char *path, uint64_t *number) {
    char line[32];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    bool read = fgets(line, sizeof(line), file) != NULL;
    fclose(file);
    return read && bytes_parse_u64(bytes_of(line, strcspn(line, "\n")), number);
}

/* The lowest limit in `root`/`path` and every folder above it down to `root`. */
static uint64_t limit_on_path(const char *root, const char *path, const char *name, uint64_t limit) {
    char folder[LINE_SIZE_MAX], file[PATH_SIZE_MAX];
    snprintf(folder, sizeof(folder), "%s", path);
    for (;;) {
        uint64_t number;
        snprintf(file, sizeof(file), "%s%s/%s", root, folder, name);
        if (file_number(file, &number) && number < limit) {
            limit = number;
        }
        char *slash = strrchr(folder, '/');
        if (slash == NULL) {
            return limit;
        }
        *slash = '\0';
    }
}

/* A line of /proc/self/cgroup: "0::/path" (v2) or "5:memory:/path" (v1; `memory` is mounted alone). */
static uint64_t limit_of_line(const char *line, uint64_t limit) {
    const char *controllers = line + strcspn(line, ":") + 1;
    size_t controllers_size = strcspn(controllers, ":");
    const char *path = controllers + controllers_size + 1;
    if (bytes_equal_string(bytes_of(controllers, controllers_size), "")) {
        return limit_on_path("/sys/fs/cgroup", path, "memory.max", limit);
    }
    if (bytes_equal_string(bytes_of(controllers, controllers_size), "memory")) {
        return limit_on_path("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", limit);
    }
    return limit;
}

static uint64_t control_group_limit(uint64_t limit) {
    char line[LINE_SIZE_MAX];
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (file == NULL) {
        return limit;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        bool whole = line[strcspn(line, ":")] == ':' && strrchr(line, ':') > line + strcspn(line, ":");
        if (whole) {
            limit = limit_of_line(line, limit);
        }
    }
    fclose(file);
    return limit;
}

uint64_t machine_memory_size(void) {
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);
    uint64_t physical = pages > 0 && page_size > 0 ? (uint64_t)pages * (uint64_t)page_size : 0;
    return control_group_limit(physical);
}

uint32_t machine_cpus_count(void) {
    cpu_set_t set;
    /* EINVAL: more CPUs than the set holds; then the number on-line is the best bound there is. */
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        return (uint32_t)CPU_COUNT(&set);
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint32_t)online : 1;
}
