/* SPDX-License-Identifier: MIT
 *
 * facts: reads what the kernel shows in its files. See facts.h.
 */
#include "facts.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cgroup.h"
#include "riposte/bytes.h"
#include "riposte/clock.h"
#include "sysinfo.h"
#include "units.h"

enum { LINE_SIZE_MAX = 256, CLOCK_READINGS = 64, CLOCK_BATCHES = 32 };

/* --- files ------------------------------------------------------------------------------------------------
 */

static FILE *file_open(const char *root, const char *path) {
    char whole[PATH_MAX];
    snprintf(whole, sizeof(whole), "%s%s", root, path);
    return fopen(whole, "re");
}

/* The first line that begins with `name`, without that and the blanks behind it; "" when there is none. */
static void line_read(const char *root, const char *path, const char *name, char line[LINE_SIZE_MAX]) {
    char read[LINE_SIZE_MAX];
    size_t name_size = strlen(name);
    FILE *file = file_open(root, path);
    *line = '\0';
    while (file != NULL && *line == '\0' && fgets(read, sizeof(read), file) != NULL) {
        if (strncmp(read, name, name_size) == 0) {
            const char *value = read + name_size + strspn(read + name_size, " \t");
            snprintf(line, LINE_SIZE_MAX, "%.*s", (int)strcspn(value, "\n"), value);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* The digits at the front of that line. */
static uint64_t number_read(const char *root, const char *path, const char *name) {
    char line[LINE_SIZE_MAX];
    uint64_t number;
    line_read(root, path, name, line);
    bool is_number = bytes_parse_u64(bytes_of(line, strspn(line, "0123456789")), &number);
    return is_number ? number : FACTS_UNKNOWN;
}

/* "1234 kB", as /proc/meminfo has it, in bytes. */
static uint64_t size_read(const char *root, const char *path, const char *name) {
    uint64_t kib = number_read(root, path, name);
    return kib == FACTS_UNKNOWN ? kib : kib * UNITS_KIB;
}

/* Of "always [madvise] never" the word in brackets; of a line without brackets all of it. */
static void word_read(const char *root, const char *path, char word[FACTS_WORD_SIZE_MAX]) {
    char line[LINE_SIZE_MAX];
    line_read(root, path, "", line);
    size_t before = strcspn(line, "[");
    const char *chosen = line[before] == '[' ? line + before + 1 : line;
    snprintf(word, FACTS_WORD_SIZE_MAX, "%.*s", (int)strcspn(chosen, "]"), chosen);
}

/* --- what no file says --------------------------------------------------------------------------------------
 */

/* The mean of a batch that nobody disturbed: one through the vDSO takes some 20 ns, one that enters the kernel far more. */
static uint64_t clock_cost_ns(void) {
    uint64_t least = UINT64_MAX;
    for (int batch = 0; batch < CLOCK_BATCHES; batch++) {
        uint64_t begin = clock_monotonic_ns(), end = begin;
        for (int i = 0; i < CLOCK_READINGS; i++) {
            end = clock_monotonic_ns();
        }
        uint64_t mean = (end - begin) / CLOCK_READINGS;
        least = mean < least ? mean : least;
    }
    return least;
}

static uint64_t lock_limit(void) {
    struct rlimit limit;
    bool is_free = geteuid() == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY;
    return is_free ? FACTS_UNKNOWN : limit.rlim_cur;
}

static void system_name(struct facts *facts) {
    struct utsname name = {0};
    uname(&name);
    snprintf(facts->kernel, sizeof(facts->kernel), "%.6s %.64s", name.sysname, name.release);
    snprintf(facts->machine, sizeof(facts->machine), "%s", name.machine);
}

void facts_read(struct facts *facts, const char *root) {
    system_name(facts);
    word_read(root, "/sys/devices/system/clocksource/clocksource0/current_clocksource", facts->clock);
    facts->clock_read_ns = clock_cost_ns();
    facts->cpus_count = sysinfo_cpus(NULL, 0);
    facts->quota_cpus = cgroup_cpus(root);
    facts->memory_size = size_read(root, "/proc/meminfo", "MemTotal:");
    facts->memory_available = size_read(root, "/proc/meminfo", "MemAvailable:");
    facts->memory_granted = cgroup_memory_size(root);
    /* Version 1 words "no limit" as a number that no machine has. */
    if (facts->memory_granted >= facts->memory_size) {
        facts->memory_granted = FACTS_UNKNOWN;
    }
    facts->lock_limit = lock_limit();
    word_read(root, "/sys/kernel/mm/transparent_hugepage/enabled", facts->large_pages);
    word_read(root, "/sys/kernel/mm/transparent_hugepage/shmem_enabled", facts->large_pages_shmem);
    facts->somaxconn = number_read(root, "/proc/sys/net/core/somaxconn", "");
    facts->syn_backlog = number_read(root, "/proc/sys/net/ipv4/tcp_max_syn_backlog", "");
    facts->syn_cookies = number_read(root, "/proc/sys/net/ipv4/tcp_syncookies", "");
    facts->uring_disabled = number_read(root, "/proc/sys/kernel/io_uring_disabled", "");
    facts->seccomp = number_read(root, "/proc/self/status", "Seccomp:");
    facts->selinux = number_read(root, "/sys/fs/selinux/enforce", "");
}
