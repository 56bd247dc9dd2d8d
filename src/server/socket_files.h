/* SPDX-License-Identifier: MIT
 *
 * socket_files: files of Unix sockets, which whoever made them knows by device and inode: what has the name later is removed only if it is
 * the same.
 */
#ifndef RIPOSTE_SERVER_SOCKET_FILES_H
#define RIPOSTE_SERVER_SOCKET_FILES_H

#include <stdbool.h>

#include "riposte/engine.h"

struct socket_file {
    const char *path; /* borrowed */
    struct engine_socket_file file;
};

struct socket_files {
    struct socket_file files[ENGINE_LISTENS_MAX];
    unsigned count;
};

/* Whether it is there, a socket, and the same. */
bool socket_file_is_there(const struct socket_file *file);

/* Where it is. */
void socket_file_remove(const struct socket_file *file);
void socket_files_remove(const struct socket_files *files);

#endif
