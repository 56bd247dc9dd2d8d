/* SPDX-License-Identifier: MIT
 *
 * record_buffers: the memory that OpenSSL keeps a record in while it is read or written.
 *
 * Such a buffer is taken for each record and given back with it, so that a connection at rest holds none (context.c).
 * malloc hands out another one each time: records wander through half a MiB that no cache keeps. So each thread has two,
 * which are used again and again. What finds none free, and all other sizes, is malloc's.
 */
#ifndef TLS_RECORD_BUFFERS_H
#define TLS_RECORD_BUFFERS_H

#include <stdbool.h>

/*
 * OpenSSL's memory in this process comes from here from now on. Call before anything of OpenSSL's: once it has memory it
 * refuses (false), and then all is malloc's.
 */
bool record_buffers_install(void);

#endif
