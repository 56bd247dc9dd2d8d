/* SPDX-License-Identifier: MIT
 *
 * A handle of a process says that it has ended when it has, and not before.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process_handle.h"

TestSuite(process_handle, .timeout = 30);

static pid_t child_start(void) {
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        pause();
        _exit(0);
    }
    return child;
}

Test(process_handle, tells_who_lives_from_who_was_killed) {
    pid_t child = child_start();
    int fd = process_handle_open(child);
    cr_assert_geq(fd, 0);
    cr_expect_not(process_handle_ended(fd, 0));
    cr_expect_not(process_handle_ended(fd, 20));
    kill(child, SIGKILL);
    cr_expect(process_handle_ended(fd, 10000), "before anybody has waited for it");
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_expect(process_handle_ended(fd, 0), "and behind that");
    close(fd);
    fd = process_handle_open(child);
    cr_expect_eq(fd, -ESRCH);
    cr_expect(process_handle_ended(fd, 0), "there is none, so it has");
}

Test(process_handle, without_a_handle_nobody_has_ended) {
    cr_expect_not(process_handle_ended(-ENOSYS, 0));
    cr_expect_not(process_handle_ended(-EPERM, 0));
}
