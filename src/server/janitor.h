/* SPDX-License-Identifier: MIT
 *
 * janitor: a process that keeps a right which the server has given away: to remove the pid file and the files of Unix
 * sockets from a folder of root's (-u).
 *
 *      server                              janitor
 *      janitor_begin -- fork ------------> gives away all other rights, closes all but the pipe, waits for its end
 *      gives its rights away, serves
 *      janitor_end, or killed -----------> removes what still is the server's, ends
 *
 * It reads nothing but the end of the pipe, and takes nothing from the server after the fork. Main thread, before others
 * exist; janitor_end after they have ended.
 */
#ifndef RIPOSTE_SERVER_JANITOR_H
#define RIPOSTE_SERVER_JANITOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "failure.h"
#include "listen.h"

struct janitor {
    pid_t pid; /* 0: there is none */
    int fd;    /* the server's end of the pipe; -1: there is none, at first, too */
};

/*
 * Looks after `pidfile` (NULL: none), which names this process, and the Unix sockets of `list`, which are there. Nothing where
 * there are neither, or where the process is not root's. False and *failure when there is no process or pipe.
 */
bool janitor_begin(struct janitor *janitor, const char *pidfile, const struct listen_list *list,
                   struct failure *failure);

/* Returns when the files are removed. Nothing where none was begun. */
void janitor_end(struct janitor *janitor);

/* Another process has a duplicate of the pipe: the files are removed when that one ends. */
void janitor_leave(struct janitor *janitor);

#endif
