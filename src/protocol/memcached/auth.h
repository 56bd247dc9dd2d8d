/* SPDX-License-Identifier: MIT
 *
 * auth: a connection that has to introduce itself.
 *
 *      set <any key> <ignored> <ignored> <bytes>\r\n<name> <password>\r\n  -->  STORED: every command is allowed
 *
 * Anything else is refused, the connection stays open. Until then a connection is worth little: a line of
 * less than six bytes, or one that does not end, closes it.
 */
#ifndef MEMCACHED_AUTH_H
#define MEMCACHED_AUTH_H

#include "call.h"

/* One line, with its data block if it has one. False when it needs more input. */
bool mc_auth_step(struct mc_call *call);

#endif
