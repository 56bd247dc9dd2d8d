/* SPDX-License-Identifier: MIT
 *
 * daemon: the two processes. See daemon.h.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* Whoever waits for the end of a connection of the child's, as a server does that is taken over from, would wait for the parent, too. */
static void parent_close_others(int kept_fd) {
    if (kept_fd > STDERR_FILENO + 1) {
        close_range(STDERR_FILENO + 1, (unsigned)kept_fd - 1, 0);
    }
    close_range((unsigned)kept_fd + 1, UINT_MAX, 0);
}

/*
 * The parent's rest: it ends as soon as the child is ready or gone. _exit, because the child owns what exit
 * would clean.
 */
static _Noreturn void parent_wait(pid_t child, int ready_fd) {
    char ready;
    int status;
    ssize_t size;
    pid_t ended;
    parent_close_others(ready_fd);
    do {
        size = read(ready_fd, &ready, sizeof(ready));
    } while (size < 0 && errno == EINTR);
    if (size == (ssize_t)sizeof(ready)) {
        _exit(EXIT_SUCCESS);
    }
    do {
        ended = waitpid(child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    _exit(ended == child && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

static bool child_begin(bool keep_folder, struct failure *failure) {
    if (setsid() < 0) {
        return failure_set(failure, EX_OSERR, "-d: no new session: %s", strerror(errno));
    }
    /* Otherwise the folder's file system could not be unmounted while the server runs. */
    if (!keep_folder && chdir("/") < 0) {
        return failure_set(failure, EX_OSERR, "-d: the folder / cannot be entered: %s", strerror(errno));
    }
    return true;
}

bool daemon_begin(struct daemon *daemon, bool keep_folder, struct failure *failure) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return failure_set(failure, EX_OSERR, "-d: no pipe: %s", strerror(errno));
    }
    pid_t child = fork();
    if (child < 0) {
        int error = errno;
        close(ends[0]);
        close(ends[1]);
        return failure_set(failure, EX_OSERR, "-d: no process for the background: %s", strerror(error));
    }
    if (child > 0) {
        close(ends[1]);
        parent_wait(child, ends[0]);
    }
    close(ends[0]);
    daemon->ready_fd = ends[1];
    return child_begin(keep_folder, failure);
}

void daemon_ready(struct daemon *daemon, bool keep_error) {
    if (daemon->ready_fd < 0) {
        return;
    }
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd >= 0) {
        dup2(null_fd, STDIN_FILENO);
        dup2(null_fd, STDOUT_FILENO);
        if (!keep_error) {
            dup2(null_fd, STDERR_FILENO);
        }
        close(null_fd);
    }
    ssize_t written = write(daemon->ready_fd, "", 1);
    (void)written; /* a parent that was killed meanwhile needs no answer */
    close(daemon->ready_fd);
    daemon->ready_fd = -1;
}
