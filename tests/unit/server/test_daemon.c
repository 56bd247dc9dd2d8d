/* SPDX-License-Identifier: MIT
 *
 * -d: the parent ends when the service is ready, with the child's status when it never will be.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"

/* What ends while SIGCHLD is ignored leaves no status. */
static bool foreground_ignores_children = false;

static bool ends_in_order = false;

static pid_t foreground_process; /* in itself and in the background */

/* Runs `body` in a process that goes to the background; the status of the process in the foreground. */
static int foreground_status(void (*body)(struct daemon *daemon)) {
    pid_t foreground = fork();
    cr_assert_geq(foreground, 0);
    if (foreground == 0) {
        struct daemon daemon = {.ready_fd = -1, .ends_in_order = ends_in_order};
        struct failure failure = {0};
        foreground_process = getpid();
        signal(SIGCHLD, foreground_ignores_children ? SIG_IGN : SIG_DFL);
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
    daemon_fail(daemon, 71);
    _exit(0);
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
    bool apart = getppid() != foreground_process; /* which waits still */
    bool at_root = getcwd(folder, sizeof(folder)) != NULL && folder[0] == '/' && folder[1] == '\0';
    daemon_ready(daemon, false);
    char result = session && apart && at_root && daemon->ready_fd == -1 && !isatty(STDOUT_FILENO);
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

Test(daemon, hands_the_status_over_where_what_ends_leaves_none) {
    foreground_ignores_children = true;
    cr_expect_eq(foreground_status(fail_with_71), 71);
}

Test(daemon, has_a_session_a_folder_and_a_parent_of_its_own) {
    char result = 0;
    cr_assert_eq(pipe(result_pipe), 0);
    cr_expect_eq(foreground_status(look_around), 0);
    cr_expect_eq(read(result_pipe[0], &result, 1), 1);
    cr_expect_eq(result, 1);
}

/* Its parent is asked to stop, or has heard of the failure before it is. */
static void stop_the_parent(struct daemon *daemon) {
    kill(foreground_process, SIGTERM);
    for (unsigned i = 0; i < 10000 && daemon_is_awaited(daemon); i++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    char result = !daemon_is_awaited(daemon);
    (void)!write(result_pipe[1], &result, 1);
}

static void fail_and_stop_the_parent(struct daemon *daemon) {
    bool was_awaited = daemon_is_awaited(daemon);
    daemon_fail(daemon, 69);
    kill(foreground_process, SIGTERM);
    char result = was_awaited && daemon_is_awaited(daemon);
    (void)!write(result_pipe[1], &result, 1);
}

Test(daemon, that_takes_over_has_a_parent_that_ends_in_order_when_it_is_asked_to) {
    ends_in_order = true;
    cr_assert_eq(pipe(result_pipe), 0);
    for (unsigned i = 0; i < 2; i++) {
        char result = 0;
        cr_expect_eq(foreground_status(i == 0 ? stop_the_parent : fail_and_stop_the_parent), 0);
        cr_expect_eq(read(result_pipe[0], &result, 1), 1);
        cr_expect_eq(result, 1);
    }
    cr_expect_eq(foreground_status(fail_with_71), 71);
    cr_expect_eq(foreground_status(become_ready), 0);
}

Test(daemon, is_ready_without_effect_in_the_foreground) {
    struct daemon daemon = {.ready_fd = -1};
    daemon_ready(&daemon, false);
    cr_expect_eq(daemon.ready_fd, -1);
}
