/* SPDX-License-Identifier: MIT
 *
 * Lines of the log, read back from a pipe in place of standard error.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "riposte/log.h"

static int pipe_end;
static int error_saved;
static char text[4 * LOG_LINE_SIZE_MAX];

static void redirect(void) {
    int ends[2];
    cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
    error_saved = dup(STDERR_FILENO);
    cr_assert_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    pipe_end = ends[0];
}

static void restore(void) {
    dup2(error_saved, STDERR_FILENO);
    close(error_saved);
    close(pipe_end);
}

/* What one read(2) finds in the pipe, as a string. */
static const char *logged(void) {
    ssize_t size = read(pipe_end, text, sizeof(text) - 1);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

TestSuite(log, .init = redirect, .fini = restore);

Test(log, names_the_program_and_ends_the_line) {
    log_line(LOG_LEVEL_INFO, "ready on port %d", 11211);
    cr_expect_str_eq(logged(), "riposte: ready on port 11211\n");
}

Test(log, marks_warnings_and_nothing_else) {
    log_line(LOG_LEVEL_WARNING, "backlog cut");
    log_line(LOG_LEVEL_ERROR, "port taken");
    cr_expect_str_eq(logged(), "riposte: warning: backlog cut\nriposte: port taken\n");
}

Test(log, hides_debug_lines_until_asked_for) {
    log_line(LOG_LEVEL_DEBUG, "hidden");
    log_level_set(LOG_LEVEL_DEBUG);
    log_line(LOG_LEVEL_DEBUG, "shown");
    log_line(LOG_LEVEL_TRACE, "hidden");
    cr_expect_str_eq(logged(), "riposte: shown\n");
    cr_expect_eq(log_level_get(), LOG_LEVEL_DEBUG);
}

Test(log, cuts_a_long_line_and_still_ends_it) {
    char long_text[2 * LOG_LINE_SIZE_MAX];
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    log_line(LOG_LEVEL_INFO, "%s", long_text);
    const char *line = logged();
    cr_expect_eq(strlen(line), (size_t)LOG_LINE_SIZE_MAX);
    cr_expect_eq(line[LOG_LINE_SIZE_MAX - 1], '\n');
    cr_expect_eq(line[LOG_LINE_SIZE_MAX - 2], 'x');
}

/* A pipe whose writers would wait, as one to a log collector that hangs. */
static void pipe_fill(void) {
    static const char filling[4096];
    while (write(STDERR_FILENO, filling, sizeof(filling)) > 0) {
    }
    cr_assert_eq(errno, EAGAIN);
    cr_assert_eq(fcntl(STDERR_FILENO, F_SETFL, 0), 0);
}

static void pipe_drain(void) {
    char drained[4096];
    while (read(pipe_end, drained, sizeof(drained)) > 0) {
    }
}

Test(log, does_not_wait_for_a_reader_that_hangs, .timeout = 20) {
    pipe_fill();
    log_line(LOG_LEVEL_INFO, "lost");
    log_line(LOG_LEVEL_WARNING, "lost");
    pipe_drain();
    log_line(LOG_LEVEL_INFO, "after");
    cr_expect_str_eq(logged(),
                     "riposte: warning: 2 lines before this one were lost: standard error took no more\n"
                     "riposte: after\n");
    log_line(LOG_LEVEL_INFO, "again");
    cr_expect_str_eq(logged(), "riposte: again\n");
}

Test(log, leaves_errno_alone_when_standard_error_is_closed) {
    close(STDERR_FILENO);
    errno = ENOSPC;
    log_line(LOG_LEVEL_INFO, "lost");
    cr_expect_eq(errno, ENOSPC);
    cr_expect_str_eq(logged(), "");
}
