/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "topology.h"

Test(topology, lists_the_cpus_of_the_affinity_mask) {
    unsigned cpus[CPU_SETSIZE];
    unsigned count = topology_cpus(cpus, CPU_SETSIZE);
    cr_assert_geq(count, 1);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpus[count - 1], &set);
    cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
    unsigned only;
    cr_assert_eq(topology_cpus(&only, 1), 1);
    cr_assert_eq(only, cpus[count - 1]);
}

Test(topology, counts_beyond_the_room_it_is_given) {
    unsigned all = topology_cpus(NULL, 0);
    unsigned cpu = 0;
    cr_assert_eq(topology_cpus(&cpu, 1), all);
}
