/* SPDX-License-Identifier: MIT
 *
 * A trial of the sandbox tells what the kernel has, and leaves the process as it was.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "landlock.h"
#include "sandbox.h"
#include "seccomp.h"

Test(sandbox, trial_leaves_this_process_free) {
    struct sandbox_trial trial = sandbox_try();
    int rules = landlock_open();
    cr_expect_eq(trial.landlock_result < 0, rules < 0, "%d and %d", trial.landlock_result, rules);
    cr_expect_eq(prctl(PR_GET_SECCOMP), 0);
    pid_t child = fork();
    if (child == 0) {
        _exit(open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* One who is shut in can start no child: both results say so. */
Test(sandbox, trial_tells_what_the_kernel_refuses) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        int result = seccomp_restrict();
        struct sandbox_trial trial = sandbox_try();
        _exit(result < 0 ? 2 : trial.landlock_result != -EPERM || trial.calls_result != -EPERM);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
        cr_skip_test("this kernel has no filters of system calls");
    }
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
}
