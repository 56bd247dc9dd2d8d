/* SPDX-License-Identifier: MIT
 *
 * memory_file: -e: the file where the items lie, so that the next start has them.
 *
 *      memory_file_open --> memory_file_create_store ... memory_file_leave
 *
 * It is locked (flock(2)) as long as it is open, belongs to the user that the server runs as, and is nobody else's to read
 * or write. It is opened before the sandbox is closed, and never again. Main thread.
 */
#ifndef RIPOSTE_SERVER_MEMORY_FILE_H
#define RIPOSTE_SERVER_MEMORY_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "riposte/store.h"

/*
 * Opens and locks it, and makes it where it is missing; *fd is the caller's. False and *failure: it cannot be used. Says where
 * items would be written to a disk, and where memory_size bytes find no room.
 */
bool memory_file_open(const char *path, uint64_t memory_size, int *fd, struct failure *failure);

/* For --check: the same without making anything. */
bool memory_file_try(const char *path, struct failure *failure);

/* As store_create, in the file. Says what became of the items in it. */
int memory_file_create_store(const char *path, int fd, const struct store_config *config,
                             struct store **store);

/*
 * -e of a process that takes over from another one, whose items lie in the file that is device and inode (both 0: in none): *path becomes NULL, with
 * a line, where that is not the one.
 */
void memory_file_compare(const char **path, uint64_t device, uint64_t inode);

/*
 * The store that another process has left in `fd`, and beside it in tables_fd (-1: nothing), to be settled when it is sure that it is this one's. 0; -EEXIST and *why, some words about
 * the items: their memory cannot be used as it is; other -errno.
 */
int memory_taken_create_store(int fd, int tables_fd, const struct store_config *config, struct store **store,
                              const char **why);

/* Leaves the items in it. All workers have left; then only store_destroy. Says what was left, or why nothing. */
void memory_file_leave(const char *path, struct store *store);

#endif
