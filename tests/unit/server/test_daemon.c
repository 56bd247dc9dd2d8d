/* SPDX-License-Identifier: MIT
 *
 * -d: the parent ends when the service is ready, with the child's status when it never will be. -P: a file for
 * scripts.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon.h"

/* Runs `body` in a process that goes to the background; the status of the process in the foreground. */
static int foreground_status(void (*body)(struct daemon *daemon)) {
    pid_t foreground = fork();
    cr_assert_geq(foreground, 0);
    if (foreground == 0) {
        struct daemon daemon = {.ready_fd = -1};
        struct failure failure = {0};
        if (!daemon_begin(&daemon, false, &failure)) {
            _exit(99);
        }
        body(&daemon);
        _exit(0);
    }
    int status = 0;
    cr_assert_eq(waitpid(foreground, &status, 0), foreground);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void become_ready(struct daemon *daemon) {
    daemon_ready(daemon, false);
}

static void fail_with_71(struct daemon *daemon) {
    (void)daemon;
    _exit(71);
}

static void be_killed(struct daemon *daemon) {
    (void)daemon;
    raise(SIGKILL);
}

/* 1 in the pipe that the test holds exactly when everything is as a daemon needs it. */
static int result_pipe[2];

static void look_around(struct daemon *daemon) {
    char folder[16] = "";
    bool session = getsid(0) == getpid();
    bool at_root = getcwd(folder, sizeof(folder)) != NULL && folder[0] == '/' && folder[1] == '\0';
    daemon_ready(daemon, false);
    char result = session && at_root && daemon->ready_fd == -1 && !isatty(STDOUT_FILENO);
    ssize_t written = write(result_pipe[1], &result, 1);
    (void)written;
}

Test(daemon, lets_the_parent_go_when_ready) {
    cr_expect_eq(foreground_status(become_ready), 0);
}

Test(daemon, hands_the_status_of_a_failed_start_to_the_parent) {
    cr_expect_eq(foreground_status(fail_with_71), 71);
}

Test(daemon, reports_a_start_that_was_killed_as_a_failure) {
    cr_expect_eq(foreground_status(be_killed), 1);
}

Test(daemon, has_a_session_and_a_folder_of_its_own) {
    char result = 0;
    cr_assert_eq(pipe(result_pipe), 0);
    cr_expect_eq(foreground_status(look_around), 0);
    cr_expect_eq(read(result_pipe[0], &result, 1), 1);
    cr_expect_eq(result, 1);
}

Test(daemon, is_ready_without_effect_in_the_foreground) {
    struct daemon daemon = {.ready_fd = -1};
    daemon_ready(&daemon, false);
    cr_expect_eq(daemon.ready_fd, -1);
}

/* --- the file of the process id ---------------------------------------------------------------------------
 */

static struct failure failure;
static char folder[] = "/tmp/riposte-pidfile-XXXXXX";
static char path[64];

static void folder_make(void) {
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pid", folder);
}

static void folder_remove(void) {
    unlink(path);
    rmdir(folder);
}

TestSuite(pidfile, .init = folder_make, .fini = folder_remove);

static void content_write(const char *content) {
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    fputs(content, file);
    fclose(file);
}

static void expect_content(const char *expected) {
    char content[64] = "";
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file);
    size_t size = fread(content, 1, sizeof(content) - 1, file);
    content[size] = '\0';
    fclose(file);
    cr_expect_str_eq(content, expected);
}

Test(pidfile, holds_the_id_of_this_process) {
    char expected[32];
    snprintf(expected, sizeof(expected), "%d\n", (int)getpid());
    cr_assert(daemon_write_pidfile(path, &failure), "%s", failure.text);
    expect_content(expected);
    daemon_remove_pidfile(path);
    cr_expect_neq(access(path, F_OK), 0);
}

Test(pidfile, replaces_whatever_stood_there) {
    char expected[32];
    snprintf(expected, sizeof(expected), "%d\n", (int)getpid());
    static const char *const contents[] = {"", "x", "123456789012345678901234567890\n", "2147483647\n",
                                           "-5\n"};
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        content_write(contents[i]);
        cr_assert(daemon_write_pidfile(path, &failure), "%s", failure.text);
        expect_content(expected);
    }
}

Test(pidfile, leaves_the_file_of_another_process) {
    content_write("1\n");
    daemon_remove_pidfile(path);
    expect_content("1\n");
}

Test(pidfile, says_where_it_cannot_be_written) {
    cr_expect_not(daemon_write_pidfile("/proc/none/pid", &failure));
    cr_expect_eq(failure.exit_status, EX_OSERR);
    cr_expect_str_eq(failure.text, "-P /proc/none/pid cannot be written: No such file or directory");
}
