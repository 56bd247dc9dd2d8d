/* SPDX-License-Identifier: MIT
 *
 * file_io: openat2(2) and preadv2(2).
 */
#include "file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Its files are always in memory. tmpfs takes no RWF_NOWAIT, and remembers no name of what is not there. */
static bool is_in_memory(int fd) {
    struct statfs system;
    return fstatfs(fd, &system) == 0 && (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC);
}

static int open_beneath(int root_fd, const char *path, uint64_t resolve) {
    const struct open_how how = {
        .flags =
            O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, /* a pipe or a device must not hold the thread up */
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve,
    };
    long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
    return fd < 0 ? -errno : (int)fd;
}

static int kernel_open(int root_fd, const char *path, bool cached) {
    if (!cached) {
        return open_beneath(root_fd, path, 0);
    }
    /* Only names that the kernel remembers; it knows no other way not to ask the disk for a folder. */
    int fd = open_beneath(root_fd, path, RESOLVE_CACHED);
    if (fd != -EAGAIN || !is_in_memory(root_fd)) {
        return fd;
    }
    /* Where no other file system is entered there is no disk to ask. */
    fd = open_beneath(root_fd, path, RESOLVE_NO_XDEV);
    return fd == -EXDEV ? -EAGAIN : fd;
}

/* As read says; -EOPNOTSUPP also in a sandbox that does not know the call. */
static ssize_t read_cached(int fd, char *data, size_t size, uint64_t offset) {
    const struct iovec piece = {.iov_base = data, .iov_len = size};
    ssize_t got = preadv2(fd, &piece, 1, (off_t)offset, RWF_NOWAIT);
    int error = got < 0 ? errno : 0;
    if (error == EOPNOTSUPP && is_in_memory(fd)) {
        got = pread(fd, data, size, (off_t)offset);
        error = got < 0 ? errno : 0;
    }
    return error == 0 ? got : error == EPERM || error == ENOSYS ? -EOPNOTSUPP : -error;
}

static ssize_t kernel_read(int fd, char *data, size_t size, uint64_t offset, bool cached) {
    ssize_t got;
    do {
        got = cached ? read_cached(fd, data, size, offset) : pread(fd, data, size, (off_t)offset);
        got = got < 0 && !cached ? -errno : got;
    } while (got == -EINTR);
    return got;
}

const struct http_file_io http_file_io_kernel = {.open = kernel_open, .read = kernel_read};
