/* SPDX-License-Identifier: MIT
 *
 * Limits of control groups, read from trees that the tests build: version 2, version 1, hosts and containers.
 */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup.h"

static char root[] = "/tmp/riposte-cgroup-XXXXXX";

static void tree_make(void) {
    cr_assert_not_null(mkdtemp(root));
}

static int entry_remove(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void tree_remove(void) {
    nftw(root, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(cgroup, .init = tree_make, .fini = tree_remove);

/* Writes a file of the tree with all folders above it. */
static void file_write(const char *path, const char *text) {
    char whole[512];
    size_t root_size = strlen(root);
    snprintf(whole, sizeof(whole), "%s%s", root, path);
    for (char *slash = strchr(whole + root_size + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    cr_assert_not_null(file, "%s", whole);
    fputs(text, file);
    fclose(file);
}

Test(cgroup, limits_nothing_where_nothing_can_be_read) {
    cr_expect_eq(cgroup_cpus(root), CGROUP_UNLIMITED);
    cr_expect_eq(cgroup_memory_size(root), CGROUP_UNLIMITED);
    file_write("/proc/self/cgroup", "0::/user.slice\n");
    cr_expect_eq(cgroup_cpus(root), CGROUP_UNLIMITED);
    cr_expect_eq(cgroup_memory_size(root), CGROUP_UNLIMITED);
}

Test(cgroup, of_version_2_says_cpus_and_memory) {
    file_write("/proc/self/cgroup", "0::/system.slice/riposte.service\n");
    file_write("/sys/fs/cgroup/system.slice/riposte.service/cpu.max", "200000 100000\n");
    file_write("/sys/fs/cgroup/system.slice/riposte.service/memory.max", "1073741824\n");
    cr_expect_eq(cgroup_cpus(root), 2);
    cr_expect_eq(cgroup_memory_size(root), 1073741824);
}

Test(cgroup, of_version_1_says_cpus_and_memory_each_in_its_own_tree) {
    file_write("/proc/self/cgroup", "12:cpuset:/x\n4:cpu,cpuacct:/a/b\n5:memory:/m\n1:name=systemd:/x\n");
    file_write("/sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us", "350000\n");
    file_write("/sys/fs/cgroup/cpu/a/b/cpu.cfs_period_us", "100000\n");
    file_write("/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "536870912\n");
    cr_expect_eq(cgroup_cpus(root), 4, "3.5 CPUs are rounded up");
    cr_expect_eq(cgroup_memory_size(root), 536870912);
}

Test(cgroup, takes_the_lowest_limit_on_the_path_to_the_root) {
    file_write("/proc/self/cgroup", "0::/a/b/c\n");
    file_write("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    file_write("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    file_write("/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
    file_write("/sys/fs/cgroup/a/memory.max", "4096\n");
    file_write("/sys/fs/cgroup/a/b/memory.max", "max\n");
    file_write("/sys/fs/cgroup/a/b/c/memory.max", "8192\n");
    cr_expect_eq(cgroup_cpus(root), 2);
    cr_expect_eq(cgroup_memory_size(root), 4096);
}

Test(cgroup, of_a_container_stands_at_the_root_of_the_mount) {
    file_write("/proc/self/cgroup", "0::/docker/0123456789abcdef\n");
    file_write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    file_write("/sys/fs/cgroup/memory.max", "268435456\n");
    cr_expect_eq(cgroup_cpus(root), 1, "half a CPU is one");
    cr_expect_eq(cgroup_memory_size(root), 268435456);
    file_write("/proc/self/cgroup", "0::/\n");
    cr_expect_eq(cgroup_cpus(root), 1);
    cr_expect_eq(cgroup_memory_size(root), 268435456);
}

Test(cgroup, never_looks_above_the_mount) {
    file_write("/proc/self/cgroup", "0::/a\n");
    file_write("/sys/fs/cpu.max", "100000 100000\n");
    file_write("/sys/fs/memory.max", "1\n");
    cr_expect_eq(cgroup_cpus(root), CGROUP_UNLIMITED);
    cr_expect_eq(cgroup_memory_size(root), CGROUP_UNLIMITED);
}

Test(cgroup, without_a_limit_is_no_limit) {
    file_write("/proc/self/cgroup", "4:cpu,cpuacct:/\n5:memory:/\n0::/\n");
    file_write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    file_write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    file_write("/sys/fs/cgroup/cpu.max", "max 100000\n");
    file_write("/sys/fs/cgroup/memory.max", "max\n");
    cr_expect_eq(cgroup_cpus(root), CGROUP_UNLIMITED);
    cr_expect_eq(cgroup_memory_size(root), CGROUP_UNLIMITED);
}

Test(cgroup, skips_what_is_broken) {
    static const char *const quotas[] = {"",           "\n",         "100000\n", "100000 \n",
                                         "0 100000\n", "100000 0\n", "x y\n"};
    file_write("/proc/self/cgroup", "\n:\n::\n0:\n7\ncpu:cpu\n0::/a\n");
    for (size_t i = 0; i < sizeof(quotas) / sizeof(quotas[0]); i++) {
        file_write("/sys/fs/cgroup/a/cpu.max", quotas[i]);
        cr_expect_eq(cgroup_cpus(root), CGROUP_UNLIMITED, "\"%s\"", quotas[i]);
    }
    file_write("/sys/fs/cgroup/a/cpu.max", "18446744073709551615 1\n");
    cr_expect_eq(cgroup_cpus(root), UINT64_MAX);
}
