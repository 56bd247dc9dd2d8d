/* SPDX-License-Identifier: MIT
 *
 * pidfile: -P, a file with the process id, for scripts. Main thread.
 *
 * Root may well write it into a folder that others write to, too: it is made new (O_EXCL), never written through a link or
 * into a file that was there. One that names a process that is gone is replaced; one of a process that lives is an error.
 */
#ifndef RIPOSTE_SERVER_PIDFILE_H
#define RIPOSTE_SERVER_PIDFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "failure.h"

/* Makes the file with this process's id. False and *failure. */
bool pidfile_write(const char *path, struct failure *failure);

/*
 * For a process that takes over from `owner`, which the file names: opens it, to be written when that one has ended. False where it is no such
 * file, or may not be written.
 */
bool pidfile_open_taken(const char *path, pid_t owner, int *fd);

/* Writes this process's id there, and closes it; a warning where that fails. */
void pidfile_fill_taken(const char *path, int fd);

/* Removes the file if it still names process `owner`; a warning where that is not allowed. */
void pidfile_remove(const char *path, pid_t owner);

#endif
