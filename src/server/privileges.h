/* SPDX-License-Identifier: MIT
 *
 * privileges: -u, from root to somebody with fewer rights. Main thread, before others exist.
 *
 * Listeners are opened before: a port below 1024, a Unix socket in a folder of root's and the port file need
 * its rights. The socket's file is given to the user together with the process. Whoever it stays, programs that it might
 * start get no rights from their files (PR_SET_NO_NEW_PRIVS).
 */
#ifndef RIPOSTE_SERVER_PRIVILEGES_H
#define RIPOSTE_SERVER_PRIVILEGES_H

#include <stdbool.h>

#include "listen.h"
#include "failure.h"

/*
 * As root: gives the Unix sockets of `list` to `user` and becomes `user`, groups included, with no capability; a warning when
 * user is NULL. Otherwise nothing can be given away: a warning when user is another one. dumpable: core files
 * stay allowed. False and *failure: EX_NOUSER, EX_OSERR.
 */
bool privileges_drop(const char *user, const struct listen_list *list, bool dumpable,
                     struct failure *failure);

#endif
