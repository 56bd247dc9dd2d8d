/* SPDX-License-Identifier: MIT
 *
 * daemon: the two processes. See daemon.h.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "signals.h"

enum { PARENT_MARGIN_MS = 100 };

/* Whoever waits for the end of a connection of the child's, as a server does that is taken over from, would wait for the parent, too. */
static void parent_close_others(int kept_fd) {
    if (kept_fd > STDERR_FILENO + 1) {
        close_range(STDERR_FILENO + 1, (unsigned)kept_fd - 1, 0);
    }
    close_range((unsigned)kept_fd + 1, UINT_MAX, 0);
}

/* Who asks all to stop may have reached the others first, of which one is why the child has failed. */
static void parent_await_stop(void) {
    nanosleep(&(struct timespec){.tv_nsec = PARENT_MARGIN_MS * 1000000L}, NULL);
}

/*
 * The parent's rest: it ends with what it hears, or with a failure where the child was killed. _exit, because the child owns what exit
 * would clean.
 */
static _Noreturn void parent_wait(const struct daemon *daemon, pid_t between, int ready_fd) {
    unsigned char status = EXIT_FAILURE;
    if (daemon->ends_in_order) {
        signals_exit_in_order_on_stop();
    }
    parent_close_others(ready_fd);
    while (waitpid(between, NULL, 0) < 0 && errno == EINTR) {
    }
    while (read(ready_fd, &status, sizeof(status)) < 0 && errno == EINTR) {
    }
    if (daemon->ends_in_order && status != EXIT_SUCCESS) {
        parent_await_stop();
    }
    _exit(status);
}

/* Returns in the child of the process between, which ends; in that one itself where there is none. */
static bool between_end(struct failure *failure) {
    pid_t child = fork();
    if (child > 0) {
        _exit(EXIT_SUCCESS);
    }
    return child == 0 ||
           failure_set(failure, EX_OSERR, "-d: no process for the background: %s", strerror(errno));
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
    pid_t between = fork();
    if (between < 0) {
        int error = errno;
        close(ends[0]);
        close(ends[1]);
        return failure_set(failure, EX_OSERR, "-d: no process for the background: %s", strerror(error));
    }
    if (between > 0) {
        close(ends[1]);
        parent_wait(daemon, between, ends[0]);
    }
    close(ends[0]);
    daemon->ready_fd = ends[1];
    return between_end(failure) && child_begin(keep_folder, failure);
}

bool daemon_is_awaited(const struct daemon *daemon) {
    struct pollfd pipe = {.fd = daemon->ready_fd};
    return daemon->ready_fd < 0 || poll(&pipe, 1, 0) <= 0; /* nobody reads: POLLERR (poll(2)) */
}

/* The byte that the parent ends with. */
static void parent_tell(struct daemon *daemon, unsigned char status) {
    ssize_t written = write(daemon->ready_fd, &status, sizeof(status));
    (void)written; /* a parent that was killed meanwhile needs no answer */
    close(daemon->ready_fd);
    daemon->ready_fd = -1;
}

void daemon_fail(struct daemon *daemon, int exit_status) {
    if (daemon->ready_fd >= 0) {
        parent_tell(daemon, (unsigned char)exit_status);
    }
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
    parent_tell(daemon, EXIT_SUCCESS);
}
