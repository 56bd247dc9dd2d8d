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

static int kernel_open(int root_fd, const char *path, bool cached) {
    const struct open_how how = {
        .flags =
            O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, /* a pipe or a device must not hold the thread up */
        /* CACHED: only names that the kernel remembers; it knows no other way not to ask the disk for a folder. */
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (cached ? RESOLVE_CACHED : 0u),
    };
    long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
    return fd < 0 ? -errno : (int)fd;
}

/* Its files are always in memory. tmpfs does not take RWF_NOWAIT. */
static bool is_in_memory(int fd) {
    struct statfs system;
    return fstatfs(fd, &system) == 0 && (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC);
}

static ssize_t kernel_read(int fd, char *data, size_t size, uint64_t offset, bool cached) {
    const struct iovec piece = {.iov_base = data, .iov_len = size};
    ssize_t got;
    do {
        got = preadv2(fd, &piece, 1, (off_t)offset, cached ? RWF_NOWAIT : 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EOPNOTSUPP && cached) {
        return is_in_memory(fd) ? kernel_read(fd, data, size, offset, false) : -EOPNOTSUPP;
    }
    return got < 0 ? -errno : got;
}

const struct http_file_io http_file_io_kernel = {.open = kernel_open, .read = kernel_read};
