/* SPDX-License-Identifier: MIT
 *
 * successor: SIGUSR2: the program at this process's path, which may be a newer one by now, with the same flags and --take-over. Main thread.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_SUCCESSOR_H
#define RIPOSTE_SERVER_TAKE_OVER_SUCCESSOR_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct successor {
    char path[PATH_MAX]; /* of the program as it was started; "": not known */
    pid_t child;         /* 0: none */
};

/* At the start: once the file has been replaced, the system only knows that it was deleted. */
void successor_init(struct successor *successor);

/* 0 or -errno. `arguments` end with NULL; those that say --take-over are left out. */
int successor_start(struct successor *successor, char *const *arguments);

/* Whether the child has ended, and *status as waitpid(2) says it. */
bool successor_has_ended(struct successor *successor, int *status);

#endif
