/* SPDX-License-Identifier: MIT
 *
 * daemon: the two processes, and the file that says which one serves. See daemon.h.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "riposte/bytes.h"
#include "riposte/log.h"

/*
 * The parent's rest: it ends as soon as the child is ready or gone. _exit, because the child owns what exit
 * would clean.
 */
static _Noreturn void parent_wait(pid_t child, int ready_fd) {
    char ready;
    int status;
    ssize_t size;
    do {
        size = read(ready_fd, &ready, sizeof(ready));
    } while (size < 0 && errno == EINTR);
    if (size == (ssize_t)sizeof(ready)) {
        _exit(EXIT_SUCCESS);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
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

/* --- the file of the process id ---------------------------------------------------------------------------
 */

/* The number in the file; 0 when there is no file or no number. */
static pid_t pidfile_read(const char *path) {
    char text[BYTES_U64_DIGITS_MAX + 2];
    uint32_t number = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t size = read(fd, text, sizeof(text));
    close(fd);
    if (size > 0 && text[size - 1] == '\n') {
        size--;
    }
    bool parsed = size > 0 && bytes_parse_u32(bytes_of(text, (size_t)size), &number);
    return parsed && number <= INT32_MAX ? (pid_t)number : 0;
}

bool daemon_write_pidfile(const char *path, struct failure *failure) {
    pid_t other = pidfile_read(path);
    if (other > 0 && other != getpid() && (kill(other, 0) == 0 || errno == EPERM)) {
        log_line(LOG_LEVEL_WARNING, "-P %s named process %jd, which is alive", path, (intmax_t)other);
    }
    char text[BYTES_U64_DIGITS_MAX + 1];
    size_t size = bytes_format_u64(text, (uint64_t)getpid());
    text[size++] = '\n';
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
    if (fd < 0) {
        return failure_set(failure, EX_OSERR, "-P %s cannot be written: %s", path, strerror(errno));
    }
    ssize_t written = write(fd, text, size);
    int error = written < 0 ? errno : ENOSPC;
    close(fd);
    if (written != (ssize_t)size) {
        return failure_set(failure, EX_OSERR, "-P %s cannot be written: %s", path, strerror(error));
    }
    return true;
}

void daemon_remove_pidfile(const char *path) {
    if (pidfile_read(path) == getpid() && unlink(path) < 0) {
        log_line(LOG_LEVEL_WARNING, "-P %s cannot be removed: %s", path, strerror(errno));
    }
}
