/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "timeouts.h"

static struct conn_table table;
static struct timeouts timeouts;
static struct conn *conns[4];

static void set_up(void) {
    cr_assert_eq(conn_table_init(&table, 8, 0, 0), 0);
    timeouts_init(&timeouts);
    for (int i = 0; i < 4; i++) {
        conns[i] = conn_open(&table, i);
    }
}

TestSuite(timeouts, .init = set_up);

Test(timeouts, reports_nothing_before_its_time) {
    timeouts_add(&timeouts, &table, conns[0], TIMEOUT_WRITE, 1000);
    cr_assert_null(timeouts_due(&timeouts, &table, TIMEOUT_WRITE, 999));
    cr_assert_eq(timeouts_due(&timeouts, &table, TIMEOUT_WRITE, 1000), conns[0]);
    cr_assert_null(timeouts_due(&timeouts, &table, TIMEOUT_IDLE, 5000), "lists are apart");
}

Test(timeouts, keeps_its_order_when_one_in_the_middle_leaves) {
    for (int i = 0; i < 4; i++) {
        timeouts_add(&timeouts, &table, conns[i], TIMEOUT_IDLE, 100);
    }
    timeouts_remove(&timeouts, &table, conns[1]);
    timeouts_remove(&timeouts, &table, conns[0]);
    timeouts_remove(&timeouts, &table, conns[3]);
    cr_assert_eq(timeouts_due(&timeouts, &table, TIMEOUT_IDLE, 100), conns[2]);
    timeouts_remove(&timeouts, &table, conns[2]);
    cr_assert_null(timeouts_due(&timeouts, &table, TIMEOUT_IDLE, 100));
    timeouts_remove(&timeouts, &table, conns[2]);
}

Test(timeouts, says_how_long_until_the_next) {
    cr_assert_eq(timeouts_next_ms(&timeouts, &table, 0), UINT32_MAX);
    timeouts_add(&timeouts, &table, conns[0], TIMEOUT_WRITE, 500);
    timeouts_add(&timeouts, &table, conns[1], TIMEOUT_LINGER, 300);
    cr_assert_eq(timeouts_next_ms(&timeouts, &table, 100), 200);
    cr_assert_eq(timeouts_next_ms(&timeouts, &table, 400), 1,
                 "never 0: a due time-out is handled, not spun on");
}

Test(timeouts, survive_the_wrap_of_the_clock) {
    timeouts_add(&timeouts, &table, conns[0], TIMEOUT_WRITE, 50);
    cr_assert_null(timeouts_due(&timeouts, &table, TIMEOUT_WRITE, UINT32_MAX - 50));
    cr_assert_eq(timeouts_next_ms(&timeouts, &table, UINT32_MAX - 49), 100);
    cr_assert_eq(timeouts_due(&timeouts, &table, TIMEOUT_WRITE, 51), conns[0]);
}

Test(timeouts, tell_how_late_the_latest_of_them_is) {
    cr_assert_eq(timeouts_late_ms(&timeouts, &table, 1000), 0);
    timeouts_add(&timeouts, &table, conns[0], TIMEOUT_WRITE, 500);
    timeouts_add(&timeouts, &table, conns[1], TIMEOUT_IDLE, 300);
    cr_assert_eq(timeouts_late_ms(&timeouts, &table, 299), 0);
    cr_assert_eq(timeouts_late_ms(&timeouts, &table, 400), 100);
    cr_assert_eq(timeouts_late_ms(&timeouts, &table, 1000), 700);
}
