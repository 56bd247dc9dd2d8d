/* SPDX-License-Identifier: MIT
 *
 * Lines of the log that are bounded in number, read back from a pipe in place of standard error.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log_limit.h"

static int pipe_end;

static void redirect(void) {
    int ends[2];
    cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
    cr_assert_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    pipe_end = ends[0];
}

TestSuite(log_limit, .init = redirect);

static const char *logged(void) {
    static char text[4 * LOG_LINE_SIZE_MAX];
    ssize_t size = read(pipe_end, text, sizeof(text) - 1);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

/* A second may pass in between: twice the bound is the most then. */
Test(log_limit, leaves_out_what_comes_too_often_and_says_how_much) {
    struct log_limit limit = {.per_second_max = 3};
    for (int i = 0; i < 20; i++) {
        log_limited(&limit, LOG_LEVEL_INFO, "again");
    }
    const char *line = logged();
    unsigned lines = 0;
    for (; (line = strstr(line, "again\n")) != NULL; line++) {
        lines++;
    }
    cr_expect_geq(lines, 3);
    cr_expect_leq(lines, 6);
    atomic_store(&limit.second, 0); /* as if another second had begun */
    unsigned left_out = atomic_load(&limit.left_out);
    char expected[128];
    snprintf(expected, sizeof(expected),
             "riposte: %u more lines like the next one were left out\nriposte: again\n", left_out);
    log_limited(&limit, LOG_LEVEL_INFO, "again");
    cr_expect_str_eq(logged(), expected);
    cr_expect_eq(atomic_load(&limit.left_out), 0);
}

Test(log_limit, counts_nothing_that_is_not_shown) {
    struct log_limit limit = {.per_second_max = 1};
    for (int i = 0; i < 3; i++) {
        log_limited(&limit, LOG_LEVEL_DEBUG, "hidden");
    }
    cr_expect_eq(atomic_load(&limit.left_out), 0);
    cr_expect_str_eq(logged(), "");
}
