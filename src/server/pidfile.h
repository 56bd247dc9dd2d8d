/* SPDX-License-Identifier: MIT
 *
 * pidfile: -P, a file with the process id, from before the start until the end. Main thread only.
 */
#ifndef RIPOSTE_SERVER_PIDFILE_H
#define RIPOSTE_SERVER_PIDFILE_H

#include <stdbool.h>

#include "failure.h"

/* Writes this process's id. Warns when the file names another process that is alive. */
bool pidfile_write(const char *path, struct failure *failure);

/* Removes the file if it still names this process. */
void pidfile_remove(const char *path);

#endif
