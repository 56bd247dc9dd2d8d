/* SPDX-License-Identifier: MIT
 *
 * port_file: the file that MEMCACHED_PORT_FILENAME names, for scripts that start with -p -1.
 *
 *      TCP INET: 40123
 *      TCP INET6: 40125
 *
 * Written to <file>.lck and renamed, so that a reader sees all of it or nothing. Main thread, once all
 * listeners have ports.
 */
#ifndef RIPOSTE_SERVER_PORT_FILE_H
#define RIPOSTE_SERVER_PORT_FILE_H

#include "listen.h"

/* path NULL: nothing to do. */
bool port_file_write(const char *path, const struct listen_list *list, struct failure *failure);

#endif
