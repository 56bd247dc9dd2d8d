/* SPDX-License-Identifier: MIT
 *
 * Lines of the log, read back from a pipe in place of standard error.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

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

/* --- files ------------------------------------------------------------------------------------------------ */

static char folder[] = "/tmp/riposte-test-log-XXXXXX";
static char path[64], moved[64];

static void folder_make(void) {
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/log", folder);
    snprintf(moved, sizeof(moved), "%s/log.1", folder);
}

static void folder_remove(void) {
    unlink(path);
    unlink(moved);
    rmdir(folder);
}

static const char *written(const char *file) {
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    text[size > 0 ? size : 0] = '\0';
    close(fd);
    return text;
}

/* The line without its time. */
static void expect_stamped(const char *line, const char *expected) {
    cr_expect_eq(line[10], 'T');
    cr_expect_eq(line[26], 'Z');
    cr_expect_str_eq(line + 27, expected);
}

Test(log, goes_to_a_file_with_time_and_level) {
    folder_make();
    log_begin(LOG_FORMAT_TEXT);
    cr_assert_eq(log_open(path), 0);
    log_line(LOG_LEVEL_INFO, "one");
    expect_stamped(written(path), " riposte: info: one\n");
    cr_expect_str_eq(logged(), "");
    struct stat status;
    cr_expect_eq(stat(path, &status), 0);
    cr_expect_eq(status.st_mode & 07, 0, "others do not read it");
    folder_remove();
}

Test(log, says_errors_where_the_start_was_asked_for_too) {
    folder_make();
    log_begin(LOG_FORMAT_TEXT);
    cr_assert_eq(log_open(path), 0);
    log_line(LOG_LEVEL_ERROR, "port taken");
    expect_stamped(written(path), " riposte: error: port taken\n");
    cr_expect_str_eq(logged(), "riposte: port taken\n");
    log_take_standard_error();
    log_line(LOG_LEVEL_ERROR, "twice");
    cr_expect_null(strstr(strstr(written(path), "twice") + 1, "twice"));
    folder_remove();
}

Test(log, opens_a_file_that_was_moved_away_again) {
    folder_make();
    log_begin(LOG_FORMAT_TEXT);
    cr_assert_eq(log_open(path), 0);
    log_take_standard_error();
    log_line(LOG_LEVEL_INFO, "before");
    cr_assert_eq(rename(path, moved), 0);
    log_line(LOG_LEVEL_INFO, "still there");
    cr_expect_eq(log_reopen(), 0);
    log_line(LOG_LEVEL_INFO, "after");
    cr_expect_eq(write(STDERR_FILENO, "library\n", 8), 8);
    cr_expect_not_null(strstr(written(moved), "still there\n"));
    cr_expect_not_null(strstr(written(path), "info: after\nlibrary\n"));
    folder_remove();
}

Test(log, keeps_its_file_when_there_is_no_other) {
    folder_make();
    log_begin(LOG_FORMAT_TEXT);
    cr_assert_eq(log_open(path), 0);
    cr_assert_eq(rename(path, moved), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_expect_eq(log_reopen(), -EISDIR);
    log_line(LOG_LEVEL_INFO, "kept");
    cr_expect_not_null(strstr(written(moved), "kept\n"));
    rmdir(path);
    folder_remove();
}

Test(log, changes_nothing_when_a_file_cannot_be_opened) {
    log_begin(LOG_FORMAT_TEXT);
    cr_expect_eq(log_open("/nonexistent/log"), -ENOENT);
    log_line(LOG_LEVEL_INFO, "here");
    cr_expect_str_eq(logged(), "riposte: here\n");
}

Test(log, tells_whether_a_line_was_taken) {
    cr_assert_eq(log_try_line("first"), 0);
    cr_expect_str_eq(logged(), "riposte: first\n");
    cr_assert_eq(log_open("/dev/full"), 0);
    cr_expect_eq(log_try_line("no room"), -ENOSPC);
}

Test(log, tells_the_time_when_standard_error_is_a_file) {
    folder_make();
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    log_begin(LOG_FORMAT_TEXT);
    log_line(LOG_LEVEL_WARNING, "text");
    expect_stamped(written(path), " riposte: warning: text\n");
    close(fd);
    folder_remove();
}

Test(log, speaks_to_the_journal_when_standard_error_is_its_socket) {
    struct stat status;
    char stream[64];
    cr_assert_eq(fstat(STDERR_FILENO, &status), 0);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_begin(LOG_FORMAT_TEXT);
    log_line(LOG_LEVEL_WARNING, "text");
    cr_expect_str_eq(logged(), "<4>text\n");
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino + 1);
    setenv("JOURNAL_STREAM", stream, 1);
    log_begin(LOG_FORMAT_TEXT);
    log_line(LOG_LEVEL_WARNING, "text");
    cr_expect_str_eq(logged(), "riposte: warning: text\n", "another's socket");
}
