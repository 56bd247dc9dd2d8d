/* SPDX-License-Identifier: MIT
 *
 * cgroup: reads /proc/self/cgroup, then the files of the groups that it names. See cgroup.h.
 */
#include "cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "riposte/bytes.h"

enum {
    LINE_SIZE_MAX = 4096 + 256, /* a path of PATH_MAX behind a list of controllers */
    PATH_SIZE_MAX = 4096,       /* no longer one can be opened (PATH_MAX) */
};

/* One kind of limit, and how a folder says it: CGROUP_UNLIMITED when it says nothing. */
struct controller {
    const char *name; /* of version 1: the word in /proc/self/cgroup and the name of its mount */
    uint64_t (*limit_v1)(const char *folder);
    uint64_t (*limit_v2)(const char *folder);
};

/* --- files ------------------------------------------------------------------------------------------------
 */

/* The first line of folder/name without its end; false when there is none. */
static bool line_read(const char *folder, const char *name, char *line, size_t size) {
    char path[PATH_SIZE_MAX];
    bool fits = snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path);
    FILE *file = fits ? fopen(path, "re") : NULL;
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

/* The number alone in a file; "max", "-1" and what cannot be read are no number. */
static bool number_read(const char *folder, const char *name, uint64_t *number) {
    char line[32];
    return line_read(folder, name, line, sizeof(line)) && bytes_parse_u64(bytes_from_string(line), number);
}

static uint64_t cpus_of_quota(uint64_t quota_us, uint64_t period_us) {
    bool limited = quota_us > 0 && period_us > 0;
    return limited ? quota_us / period_us + (quota_us % period_us != 0) : CGROUP_UNLIMITED;
}

static uint64_t cpus_v1(const char *folder) {
    uint64_t quota_us;
    uint64_t period_us;
    bool limited = number_read(folder, "cpu.cfs_quota_us", &quota_us) &&
                   number_read(folder, "cpu.cfs_period_us", &period_us);
    return limited ? cpus_of_quota(quota_us, period_us) : CGROUP_UNLIMITED;
}

/* "200000 100000" or "max 100000" */
static uint64_t cpus_v2(const char *folder) {
    char line[64];
    uint64_t quota_us;
    uint64_t period_us;
    if (!line_read(folder, "cpu.max", line, sizeof(line))) {
        return CGROUP_UNLIMITED;
    }
    size_t digits = strcspn(line, " ");
    bool limited = line[digits] == ' ' && bytes_parse_u64(bytes_of(line, digits), &quota_us) &&
                   bytes_parse_u64(bytes_from_string(line + digits + 1), &period_us);
    return limited ? cpus_of_quota(quota_us, period_us) : CGROUP_UNLIMITED;
}

/* Without a limit version 1 says the largest multiple of a page in 63 bits. */
static uint64_t memory_v1(const char *folder) {
    uint64_t size;
    return number_read(folder, "memory.limit_in_bytes", &size) ? size : CGROUP_UNLIMITED;
}

static uint64_t memory_v2(const char *folder) {
    uint64_t size;
    return number_read(folder, "memory.max", &size) ? size : CGROUP_UNLIMITED;
}

/* --- the groups of this process ---------------------------------------------------------------------------
 */

/* The lowest limit of `mount`/`path` and every folder above it, down to `mount`. */
static uint64_t lowest_on_path(const char *mount, const char *path, uint64_t (*limit_of)(const char *)) {
    char folder[PATH_SIZE_MAX];
    uint64_t lowest = CGROUP_UNLIMITED;
    size_t mount_size = strlen(mount);
    if (snprintf(folder, sizeof(folder), "%s%s", mount, path) >= (int)sizeof(folder)) {
        return lowest;
    }
    for (;;) {
        uint64_t limit = limit_of(folder);
        lowest = limit < lowest ? limit : lowest;
        char *slash = strrchr(folder + mount_size, '/');
        if (slash == NULL) {
            return lowest;
        }
        *slash = '\0';
    }
}

/* Whether `name` is one of the words of "cpu,cpuacct". */
static bool list_has(const char *list, const char *name) {
    for (;;) {
        size_t size = strcspn(list, ",");
        if (bytes_equal_string(bytes_of(list, size), name)) {
            return true;
        }
        if (list[size] == '\0') {
            return false;
        }
        list += size + 1;
    }
}

/* "0::/path" is the group of version 2, "4:cpu,cpuacct:/path" one of version 1. Cuts the line. */
static uint64_t limit_of_line(const char *root, const struct controller *controller, char *line) {
    char mount[PATH_SIZE_MAX];
    char *rest = line;
    strsep(&rest, ":");
    const char *controllers = strsep(&rest, ":");
    if (controllers == NULL || rest == NULL) {
        return CGROUP_UNLIMITED;
    }
    bool is_v2 = *controllers == '\0';
    int size = snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup%s%s", root, is_v2 ? "" : "/",
                        is_v2 ? "" : controller->name);
    if (size >= (int)sizeof(mount) || (!is_v2 && !list_has(controllers, controller->name))) {
        return CGROUP_UNLIMITED;
    }
    return lowest_on_path(mount, rest, is_v2 ? controller->limit_v2 : controller->limit_v1);
}

static uint64_t limit_find(const char *root, const struct controller *controller) {
    char line[LINE_SIZE_MAX];
    uint64_t lowest = CGROUP_UNLIMITED;
    snprintf(line, sizeof(line), "%s/proc/self/cgroup", root);
    FILE *file = fopen(line, "re");
    if (file == NULL) {
        return lowest;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        uint64_t limit = limit_of_line(root, controller, line);
        lowest = limit < lowest ? limit : lowest;
    }
    fclose(file);
    return lowest;
}

uint64_t cgroup_cpus(const char *root) {
    static const struct controller cpu = {"cpu", cpus_v1, cpus_v2};
    return limit_find(root, &cpu);
}

uint64_t cgroup_memory_size(const char *root) {
    static const struct controller memory = {"memory", memory_v1, memory_v2};
    return limit_find(root, &memory);
}
