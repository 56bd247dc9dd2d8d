/* SPDX-License-Identifier: MIT
 *
 * The slow log remembers the last 128 requests, the newest first.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "riposte/slow_log.h"

static void add(struct slow_log *log, uint64_t us, const char *command, const char *key) {
    struct slow_request request = {.us = us};
    slow_log_add(log, &request, bytes_from_string(command), bytes_from_string(key));
}

Test(slow_log, is_empty_at_first_and_knows_its_threshold) {
    static struct slow_request rows[SLOW_LOG_ROWS_COUNT];
    struct slow_log *log = slow_log_create(250);
    cr_expect_eq(slow_log_threshold_ns(log), 250000);
    cr_expect_eq(slow_log_read(log, rows), 0);
    slow_log_destroy(log);
    slow_log_destroy(NULL);
}

Test(slow_log, tells_the_newest_first) {
    static struct slow_request rows[SLOW_LOG_ROWS_COUNT];
    struct slow_log *log = slow_log_create(1);
    add(log, 1, "get", "a");
    add(log, 2, "set", "bc");
    cr_assert_eq(slow_log_read(log, rows), 2);
    cr_expect_eq(rows[0].us, 2);
    cr_expect_eq(rows[0].key_size, 2);
    cr_expect(bytes_equal_string(bytes_of(rows[0].command, rows[0].command_size), "set"));
    cr_expect(bytes_equal_string(bytes_of(rows[1].key, rows[1].key_size), "a"));
    cr_expect_gt(rows[0].unix_ms, UINT64_C(1500000000000));
    slow_log_destroy(log);
}

Test(slow_log, forgets_the_oldest_of_129) {
    static struct slow_request rows[SLOW_LOG_ROWS_COUNT];
    struct slow_log *log = slow_log_create(1);
    for (unsigned i = 0; i < SLOW_LOG_ROWS_COUNT; i++) {
        add(log, i, "get", "");
    }
    cr_assert_eq(slow_log_read(log, rows), SLOW_LOG_ROWS_COUNT);
    cr_expect_eq(rows[SLOW_LOG_ROWS_COUNT - 1].us, 0);
    add(log, SLOW_LOG_ROWS_COUNT, "get", "");
    cr_assert_eq(slow_log_read(log, rows), SLOW_LOG_ROWS_COUNT);
    cr_expect_eq(rows[0].us, SLOW_LOG_ROWS_COUNT);
    cr_expect_eq(rows[SLOW_LOG_ROWS_COUNT - 1].us, 1);
    slow_log_destroy(log);
}

Test(slow_log, cuts_what_is_too_long) {
    static struct slow_request rows[SLOW_LOG_ROWS_COUNT];
    char key[300];
    memset(key, 'k', sizeof(key));
    key[sizeof(key) - 1] = 0;
    struct slow_log *log = slow_log_create(1);
    add(log, 1, "a command without end", key);
    cr_assert_eq(slow_log_read(log, rows), 1);
    cr_expect_eq(rows[0].command_size, SLOW_LOG_COMMAND_SIZE_MAX);
    cr_expect_eq(rows[0].key_size, SLOW_LOG_KEY_SIZE_MAX);
    slow_log_destroy(log);
}
