/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "net_statistics.h"

Test(net_statistics, finds_a_column_by_its_name) {
    uint64_t number = 0;
    const char *names = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\n";
    const char *numbers = "TcpExt: 1 22 333\n";
    cr_assert(net_column(names, numbers, "ListenOverflows", &number));
    cr_assert_eq(number, 22);
    cr_assert(net_column(names, numbers, "ListenDrops", &number));
    cr_assert_eq(number, 333);
    cr_assert_not(net_column(names, numbers, "Listen", &number));
    cr_assert_not(net_column(names, "TcpExt: 1\n", "ListenDrops", &number));
}

Test(net_statistics, never_promises_more_than_was_asked_for) {
    cr_assert_eq(net_backlog(1), 1);
    cr_assert_leq(net_backlog(UINT32_MAX), UINT32_MAX);
    cr_assert_gt(net_backlog(100000), 0);
}
