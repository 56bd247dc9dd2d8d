/* SPDX-License-Identifier: MIT
 *
 * privileges: -u, from root to somebody with fewer rights. Main thread, before others exist and before listening, so that the
 * Unix socket belongs to the new user.
 */
#ifndef RIPOSTE_SERVER_PRIVILEGES_H
#define RIPOSTE_SERVER_PRIVILEGES_H

#include <stdbool.h>

#include "failure.h"

/*
 * As root: becomes `user`, groups included; a warning when user is NULL. Otherwise nothing can be given away: a warning when user is
 * another one. dumpable: core files stay allowed. False and *failure: EX_NOUSER, EX_OSERR.
 */
bool privileges_drop(const char *user, bool dumpable, struct failure *failure);

#endif
