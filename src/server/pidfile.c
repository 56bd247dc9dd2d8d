/* SPDX-License-Identifier: MIT */
#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "riposte/bytes.h"
#include "riposte/log.h"

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

bool pidfile_write(const char *path, struct failure *failure) {
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

void pidfile_remove(const char *path) {
    if (pidfile_read(path) == getpid() && unlink(path) < 0) {
        log_line(LOG_LEVEL_WARNING, "-P %s cannot be removed: %s", path, strerror(errno));
    }
}
