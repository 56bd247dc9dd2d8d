/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "deadlines.h"

static struct conn_table table;
static struct deadlines deadlines;
static struct conn *conns[4];

static void set_up(void) {
    cr_assert_eq(conn_table_init(&table, 8, 0, 0), 0);
    deadlines_init(&deadlines);
    for (int i = 0; i < 4; i++) {
        conns[i] = conn_open(&table, i);
    }
}

TestSuite(deadlines, .init = set_up);

Test(deadlines, reports_nothing_before_its_time) {
    deadlines_add(&deadlines, &table, conns[0], TIMEOUT_WRITE, 1000);
    cr_assert_null(deadlines_due(&deadlines, &table, TIMEOUT_WRITE, 999));
    cr_assert_eq(deadlines_due(&deadlines, &table, TIMEOUT_WRITE, 1000), conns[0]);
    cr_assert_null(deadlines_due(&deadlines, &table, TIMEOUT_IDLE, 5000), "lists are apart");
}

Test(deadlines, keeps_its_order_when_one_in_the_middle_leaves) {
    for (int i = 0; i < 4; i++) {
        deadlines_add(&deadlines, &table, conns[i], TIMEOUT_IDLE, 100);
    }
    deadlines_remove(&deadlines, &table, conns[1]);
    deadlines_remove(&deadlines, &table, conns[0]);
    deadlines_remove(&deadlines, &table, conns[3]);
    cr_assert_eq(deadlines_due(&deadlines, &table, TIMEOUT_IDLE, 100), conns[2]);
    deadlines_remove(&deadlines, &table, conns[2]);
    cr_assert_null(deadlines_due(&deadlines, &table, TIMEOUT_IDLE, 100));
    deadlines_remove(&deadlines, &table, conns[2]);
}

Test(deadlines, says_how_long_until_the_next) {
    cr_assert_eq(deadlines_next_ms(&deadlines, &table, 0), UINT32_MAX);
    deadlines_add(&deadlines, &table, conns[0], TIMEOUT_WRITE, 500);
    deadlines_add(&deadlines, &table, conns[1], TIMEOUT_LINGER, 300);
    cr_assert_eq(deadlines_next_ms(&deadlines, &table, 100), 200);
    cr_assert_eq(deadlines_next_ms(&deadlines, &table, 400), 1,
                 "never 0: a due time-out is handled, not spun on");
}

Test(deadlines, survive_the_wrap_of_the_clock) {
    deadlines_add(&deadlines, &table, conns[0], TIMEOUT_WRITE, 50);
    cr_assert_null(deadlines_due(&deadlines, &table, TIMEOUT_WRITE, UINT32_MAX - 50));
    cr_assert_eq(deadlines_next_ms(&deadlines, &table, UINT32_MAX - 49), 100);
    cr_assert_eq(deadlines_due(&deadlines, &table, TIMEOUT_WRITE, 51), conns[0]);
}

Test(deadlines, tell_how_late_the_latest_of_them_is) {
    cr_assert_eq(deadlines_late_ms(&deadlines, &table, 1000), 0);
    deadlines_add(&deadlines, &table, conns[0], TIMEOUT_WRITE, 500);
    deadlines_add(&deadlines, &table, conns[1], TIMEOUT_IDLE, 300);
    cr_assert_eq(deadlines_late_ms(&deadlines, &table, 299), 0);
    cr_assert_eq(deadlines_late_ms(&deadlines, &table, 400), 100);
    cr_assert_eq(deadlines_late_ms(&deadlines, &table, 1000), 700);
}
