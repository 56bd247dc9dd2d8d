/* SPDX-License-Identifier: MIT
 *
 * What the machine has, within what it can have.
 */
#include <criterion/criterion.h>
#include <sched.h>
#include <unistd.h>

#include "machine.h"

Test(machine, has_memory_but_not_more_than_is_built_in) {
    uint64_t physical = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t size = machine_memory_size();
    cr_expect_gt(size, UINT64_C(16) << 20);
    cr_expect_leq(size, physical);
}

Test(machine, has_the_cpus_of_the_affinity_mask) {
    cpu_set_t set, one;
    cr_assert_eq(sched_getaffinity(0, sizeof(set), &set), 0);
    cr_expect_eq(machine_cpus_count(), (uint32_t)CPU_COUNT(&set));
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            CPU_SET(cpu, &one);
        }
    }
    cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    cr_expect_eq(machine_cpus_count(), 1);
}
