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
 * A server that takes over begins one of its own, and has the pipe of the other server's as well: what it has taken over is its own from
 * janitor_take on, and the other janitor leaves then. Until then each removes what is of its own server alone, whoever is killed; where both
 * are, the first one's has everything.
 *
 * It reads nothing but the end of the pipe and three words, which name nothing but one of its files: whatever the server says, only what it
 * had before the fork is removed or left. What another server says of files is believed where that one is root's (hand_over_dropped). Main thread, before others exist; janitor_end after they have ended.
 */
#ifndef RIPOSTE_SERVER_JANITOR_H
#define RIPOSTE_SERVER_JANITOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "failure.h"
#include "listen.h"
#include "socket_files.h"
#include "take_over/victim.h"

struct janitor {
    pid_t pid;        /* 0: there is none, or another server has begun it */
    int fd;           /* the server's end of the pipe; -1: there is none, at first, too */
    bool knows_words; /* builds from before take each word for the end */
};

/*
 * Looks after `pidfile` (NULL: none), when it names this process, and the Unix sockets of `list`, which are there; those of `dropped`,
 * which have been another server's, it removes as soon as this one has taken over. Nothing where
 * there are none of these, or where the process is not root's. `victim`: what this process is until it serves, its janitor is not.
 * False and *failure when there is no process or pipe.
 */
bool janitor_begin(struct janitor *janitor, const char *pidfile, const struct listen_list *list,
                   const struct socket_files *dropped, const struct victim *victim, struct failure *failure);

/*
 * The server has taken over: what it has taken is its own; `former`, the janitor of the other one, removes `dropped`, as far as these have been
 * that one's, leaves, and is none any more.
 */
void janitor_take(struct janitor *janitor, struct janitor *former, const struct socket_files *dropped);

/* Returns when the files are removed. Nothing where none was begun. */
void janitor_end(struct janitor *janitor);

/* Another process has a duplicate of the pipe: the files are removed when that one ends. */
void janitor_leave(struct janitor *janitor);

#endif
