/* SPDX-License-Identifier: MIT
 *
 * file_io: opens and reads files beneath a folder, with the choice of not waiting for a disk.
 *
 *      cached        what the kernel has in memory: names (RESOLVE_CACHED, Linux 5.12), bytes (RWF_NOWAIT, 4.14); -EAGAIN
 *                    where it would have to wait for a device
 *      not cached    waits as long as the disk takes: not for a worker
 *
 * Any thread may call.
 */
#ifndef HTTP_FILE_IO_H
#define HTTP_FILE_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { HTTP_FILE_PATH_SIZE_MAX = 1024 /* bytes of a path; a longer one is missing */ };

/* The calls that may wait; a test puts slow ones in their place. */
struct http_file_io {
    /*
     * A descriptor for reading, or a negative errno. Nothing outside the folder can be opened, whatever the path says or a
     * link points to (openat2(2) with RESOLVE_BENEATH, Linux 5.6). `path` ends in NUL.
     */
    int (*open)(int root_fd, const char *path, bool cached);

    /*
     * Bytes read, less than `size` at the end of the file or, when cached, where the rest is not in memory; or a negative
     * errno. Cached, -EOPNOTSUPP: a file system that cannot say what is in memory (overlayfs).
     */
    ssize_t (*read)(int fd, char *data, size_t size, uint64_t offset, bool cached);
};

extern const struct http_file_io http_file_io_kernel;

#endif
