/* SPDX-License-Identifier: MIT */
#include "topology.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "riposte/bytes.h"

enum { PATH_SIZE_MAX = 4096, LINE_SIZE_MAX = 4096 };

unsigned topology_cpus(unsigned *cpus, unsigned cpus_count_max) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) < 0) {
        /* EINVAL: more CPUs than the set holds. One worker on any CPU is always possible. */
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

static bool read_line(const char *path, char *line, size_t size) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    bool read = fgets(line, (int)size, file) != NULL;
    fclose(file);
    if (read) {
        line[strcspn(line, "\n")] = '\0';
    }
    return read;
}

static unsigned quota_cpus(uint64_t quota_us, uint64_t period_us) {
    return period_us == 0 ? 0 : (unsigned)((quota_us + period_us - 1) / period_us);
}

/* "200000 100000" or "max 100000". */
static unsigned quota_of_v2(const char *folder) {
    char path[PATH_SIZE_MAX + 16], line[64];
    snprintf(path, sizeof(path), "%s/cpu.max", folder);
    if (!read_line(path, line, sizeof(line))) {
        return 0;
    }
    size_t digits = strcspn(line, " ");
    uint64_t quota_us, period_us;
    if (line[digits] == '\0' || !bytes_parse_u64(bytes_of(line, digits), &quota_us) ||
        !bytes_parse_u64(bytes_from_string(line + digits + 1), &period_us)) {
        return 0;
    }
    return quota_cpus(quota_us, period_us);
}

static unsigned quota_of_v1(const char *folder) {
    char path[PATH_SIZE_MAX + 32], quota_line[64], period_line[64];
    snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", folder);
    bool quota_read = read_line(path, quota_line, sizeof(quota_line));
    snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", folder);
    uint64_t quota_us, period_us;
    if (!quota_read || !read_line(path, period_line, sizeof(period_line)) ||
        !bytes_parse_u64(bytes_from_string(quota_line), &quota_us) ||
        !bytes_parse_u64(bytes_from_string(period_line), &period_us)) {
        return 0; /* "-1" (no limit) is no number here either */
    }
    return quota_cpus(quota_us, period_us);
}

/*
 * The smallest quota of root/path and every folder above it, down to root; inside a container only root may
 * exist.
 */
static unsigned quota_on_path(const char *root, const char *path, unsigned (*quota_of)(const char *folder)) {
    char folder[PATH_SIZE_MAX];
    size_t root_size = strlen(root);
    unsigned least = 0;
    snprintf(folder, sizeof(folder), "%s%s", root, path);
    for (;;) {
        unsigned quota = quota_of(folder);
        if (quota > 0 && (least == 0 || quota < least)) {
            least = quota;
        }
        char *slash = strrchr(folder, '/');
        if (slash == NULL || (size_t)(slash - folder) < root_size) {
            return least;
        }
        *slash = '\0';
    }
}

/* Lines of /proc/self/cgroup: "0::/path" (v2), "4:cpu,cpuacct:/path" (v1); cgroups(7). */
static unsigned quota_of_line(char *line) {
    char *controllers = strchr(line, ':');
    char *path = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (path == NULL) {
        return 0;
    }
    *path++ = '\0';
    controllers++;
    char *rest = NULL;
    if (*controllers == '\0') {
        return quota_on_path("/sys/fs/cgroup", path, quota_of_v2);
    }
    for (char *name = strtok_r(controllers, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        if (strcmp(name, "cpu") == 0) {
            return quota_on_path("/sys/fs/cgroup/cpu", path, quota_of_v1);
        }
    }
    return 0;
}

unsigned topology_quota_cpus(void) {
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (file == NULL) {
        return 0;
    }
    char line[LINE_SIZE_MAX];
    unsigned least = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        unsigned quota = quota_of_line(line);
        if (quota > 0 && (least == 0 || quota < least)) {
            least = quota;
        }
    }
    fclose(file);
    return least;
}
