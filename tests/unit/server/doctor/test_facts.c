/* SPDX-License-Identifier: MIT
 *
 * What the doctor reads: from a tree of its own, from one that has nothing, and from this machine.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "facts.h"
#include "units.h"

static char root[64];

static void root_make(void) {
    snprintf(root, sizeof(root), "/tmp/riposte-facts-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
}

static void root_remove(void) {
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", root);
    cr_expect_eq(system(command), 0);
}

TestSuite(facts, .init = root_make, .fini = root_remove);

/* Writes root/path, with the folders before it. */
static void file_write(const char *path, const char *text) {
    char whole[256];
    snprintf(whole, sizeof(whole), "%s%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0755);
        *slash = '/';
    }
    FILE *file = fopen(whole, "we");
    cr_assert_not_null(file, "%s", whole);
    fputs(text, file);
    fclose(file);
}

Test(facts, are_read_from_proc_and_sys) {
    struct facts facts = {0};
    file_write("/proc/meminfo", "MemTotal:        2048 kB\nMemFree:  1 kB\nMemAvailable:\t1024 kB\n");
    file_write("/proc/self/status", "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n");
    file_write("/proc/self/cgroup", "0::/g\n");
    file_write("/sys/fs/cgroup/g/memory.max", "1048576\n");
    file_write("/sys/fs/cgroup/g/cpu.max", "150000 100000\n");
    file_write("/proc/sys/net/core/somaxconn", "128\n");
    file_write("/proc/sys/net/ipv4/tcp_max_syn_backlog", "256\n");
    file_write("/proc/sys/net/ipv4/tcp_syncookies", "0\n");
    file_write("/proc/sys/kernel/io_uring_disabled", "2\n");
    file_write("/sys/fs/selinux/enforce", "1"); /* without a line end, as the kernel has it */
    file_write("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
    file_write("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
               "always within_size advise [never] deny force\n");
    file_write("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
    facts_read(&facts, root);
    cr_expect_eq(facts.memory_size, 2 * UNITS_MIB);
    cr_expect_eq(facts.memory_available, UNITS_MIB);
    cr_expect_eq(facts.memory_granted, UNITS_MIB);
    cr_expect_eq(facts.quota_cpus, 2);
    cr_expect_eq(facts.seccomp, 2);
    cr_expect_eq(facts.selinux, 1);
    cr_expect_eq(facts.uring_disabled, 2);
    cr_expect_eq(facts.somaxconn, 128);
    cr_expect_eq(facts.syn_backlog, 256);
    cr_expect_eq(facts.syn_cookies, 0);
    cr_expect_str_eq(facts.large_pages, "madvise");
    cr_expect_str_eq(facts.large_pages_shmem, "never");
    cr_expect_str_eq(facts.clock, "hpet");
}

Test(facts, that_cannot_be_read_are_unknown) {
    struct facts facts = {0};
    facts_read(&facts, root);
    cr_expect_eq(facts.memory_size, FACTS_UNKNOWN);
    cr_expect_eq(facts.memory_granted, FACTS_UNKNOWN);
    cr_expect_eq(facts.quota_cpus, FACTS_UNKNOWN);
    cr_expect_eq(facts.somaxconn, FACTS_UNKNOWN);
    cr_expect_eq(facts.seccomp, FACTS_UNKNOWN);
    cr_expect_str_empty(facts.large_pages);
    cr_expect_str_empty(facts.clock);
}

Test(facts, of_a_limit_above_the_machine_limit_nothing) {
    struct facts facts = {0};
    file_write("/proc/meminfo", "MemTotal:        2048 kB\n");
    file_write("/proc/self/cgroup", "4:memory:/\n");
    file_write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    facts_read(&facts, root);
    cr_expect_eq(facts.memory_granted, FACTS_UNKNOWN);
}

Test(facts, of_this_machine_are_there) {
    struct facts facts = {0};
    facts_read(&facts, "");
    cr_expect_eq(strncmp(facts.kernel, "Linux ", 6), 0, "%s", facts.kernel);
    cr_expect_gt(facts.cpus_count, 0);
    cr_expect_neq(facts.memory_size, FACTS_UNKNOWN);
    cr_expect_gt(facts.clock_read_ns, 0);
}
