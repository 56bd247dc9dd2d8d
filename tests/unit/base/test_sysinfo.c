/* SPDX-License-Identifier: MIT
 *
 * What this machine gives, within what it has.
 */
#include <criterion/criterion.h>
#include <sched.h>
#include <unistd.h>

#include "sysinfo.h"

Test(sysinfo, lists_the_cpus_of_the_affinity_mask) {
    unsigned cpus[CPU_SETSIZE];
    cpu_set_t set, one;
    cr_assert_eq(sched_getaffinity(0, sizeof(set), &set), 0);
    unsigned count = sysinfo_cpus(cpus, CPU_SETSIZE);
    cr_assert_geq(count, 1);
    cr_assert_eq(count, (unsigned)CPU_COUNT(&set));
    for (unsigned i = 0; i < count; i++) {
        cr_expect(CPU_ISSET(cpus[i], &set));
        cr_expect(i == 0 || cpus[i] > cpus[i - 1]);
    }
    CPU_ZERO(&one);
    CPU_SET(cpus[count - 1], &one);
    cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    unsigned only;
    cr_expect_eq(sysinfo_cpus(&only, 1), 1);
    cr_expect_eq(only, cpus[count - 1]);
}

Test(sysinfo, counts_cpus_beyond_the_room_it_is_given) {
    unsigned all = sysinfo_cpus(NULL, 0);
    unsigned cpu = 0;
    cr_expect_eq(sysinfo_cpus(&cpu, 1), all);
}

Test(sysinfo, has_memory_but_not_more_than_is_built_in) {
    uint64_t physical = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t size = sysinfo_memory_size();
    cr_expect_gt(size, UINT64_C(16) << 20);
    cr_expect_leq(size, physical);
}

Test(sysinfo, less_memory_can_be_had_than_there_is) {
    uint64_t available = sysinfo_memory_available();
    cr_expect(available > 0);
    cr_expect_lt(available, (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
}
