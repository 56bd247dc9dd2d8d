/* SPDX-License-Identifier: MIT
 *
 * socket_files: looks at names, and removes them. See socket_files.h.
 */
#include "socket_files.h"

#include <sys/stat.h>
#include <unistd.h>

bool socket_file_is_there(const struct socket_file *file) {
    struct stat status;
    return file->file.is_known && lstat(file->path, &status) == 0 && S_ISSOCK(status.st_mode) &&
           status.st_dev == file->file.device && status.st_ino == file->file.inode;
}

void socket_file_remove(const struct socket_file *file) {
    if (socket_file_is_there(file)) {
        unlink(file->path);
    }
}

void socket_files_remove(const struct socket_files *files) {
    for (unsigned i = 0; i < files->count; i++) {
        socket_file_remove(&files->files[i]);
    }
}
