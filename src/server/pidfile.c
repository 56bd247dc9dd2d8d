/* SPDX-License-Identifier: MIT
 *
 * pidfile: the file of the process id. See pidfile.h.
 */
#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "riposte/bytes.h"
#include "riposte/log.h"

/* Of looking at the old file and making a new one, when others do the same. */
enum { PIDFILE_TRIES = 3 };

/* What a pid file holds: nothing (whoever made it has died at once) or a number, with or without a line end. */
static bool pid_parse(const char *text, size_t size, pid_t *pid) {
    uint32_t number = 0;
    if (size > 0 && text[size - 1] == '\n') {
        size--;
    }
    bool parsed = size == 0 || bytes_parse_u32(bytes_of(text, size), &number);
    *pid = (pid_t)number;
    return parsed && number <= INT32_MAX;
}

/*
 * 0 and the number in the file, 0 when it is empty; or a negative errno. -EEXIST: a link, a device, a text that is none of ours.
 */
static int pidfile_read(const char *path, pid_t *pid) {
    char text[BYTES_U64_DIGITS_MAX + 2];
    struct stat status;
    /* NONBLOCK: of a pipe nothing is waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ELOOP ? -EEXIST : -errno;
    }
    bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    ssize_t size = regular ? read(fd, text, sizeof(text)) : -1;
    close(fd);
    return size >= 0 && pid_parse(text, (size_t)size, pid) ? 0 : -EEXIST;
}

/* Whether a process of that id is there; one of another user's too (EPERM). */
static bool is_alive(pid_t pid) {
    return kill(pid, 0) == 0 || errno == EPERM;
}

static bool pidfile_fail(const char *path, int error, struct failure *failure) {
    return failure_set(failure, EX_OSERR, "-P %s cannot be written: %s", path,
                       error == -EEXIST
                           ? "it is there already and is not a pid file; remove it or choose another path"
                           : strerror(-error));
}

/* Removes a file whose process is gone. True when the way is free. */
static bool pidfile_clear(const char *path, struct failure *failure) {
    pid_t other = 0;
    int result = pidfile_read(path, &other);
    if (result == -ENOENT) {
        return true;
    }
    if (result < 0) {
        return pidfile_fail(path, result, failure);
    }
    if (other > 0 && other != getpid() && is_alive(other)) {
        return failure_set(
            failure, EX_OSERR,
            "-P %s names process %jd, which is alive: stop it, or remove the file if it is another program",
            path, (intmax_t)other);
    }
    return unlink(path) == 0 || errno == ENOENT || pidfile_fail(path, -errno, failure);
}

static bool pidfile_fill(int fd, const char *path, struct failure *failure) {
    char text[BYTES_U64_DIGITS_MAX + 1];
    size_t size = bytes_format_u64(text, (uint64_t)getpid());
    text[size++] = '\n';
    ssize_t written = write(fd, text, size);
    int error = written < 0 ? -errno : -ENOSPC;
    close(fd);
    if (written != (ssize_t)size) {
        unlink(path);
        return pidfile_fail(path, error, failure);
    }
    return true;
}

bool pidfile_write(const char *path, struct failure *failure) {
    for (int tries = 0; tries < PIDFILE_TRIES; tries++) {
        if (!pidfile_clear(path, failure)) {
            return false;
        }
        /* EXCL: what came there since, be it a link, is not written through. */
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                      S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
        if (fd >= 0) {
            return pidfile_fill(fd, path, failure);
        }
        if (errno != EEXIST) {
            return pidfile_fail(path, -errno, failure);
        }
    }
    return failure_set(failure, EX_OSERR, "-P %s cannot be written: others write it, too", path);
}

bool pidfile_open_taken(const char *path, pid_t owner, int *fd) {
    pid_t pid = 0;
    if (pidfile_read(path, &pid) < 0 || pid != owner) {
        return false;
    }
    *fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return *fd >= 0;
}

void pidfile_fill_taken(const char *path, int fd) {
    char text[BYTES_U64_DIGITS_MAX + 1];
    size_t size = bytes_format_u64(text, (uint64_t)getpid());
    text[size++] = '\n';
    /* A reader sees the old number or the new one, behind which the end of the old one may stand for a moment. */
    if (pwrite(fd, text, size, 0) != (ssize_t)size || ftruncate(fd, (off_t)size) < 0) {
        log_line(LOG_LEVEL_WARNING, "-P %s cannot be written: %s", path, strerror(errno));
    }
    close(fd);
}

void pidfile_remove(const char *path, pid_t owner) {
    pid_t pid = 0;
    if (pidfile_read(path, &pid) == 0 && pid == owner && unlink(path) < 0) {
        log_line(LOG_LEVEL_WARNING, "-P %s cannot be removed: %s", path, strerror(errno));
    }
}
