/* SPDX-License-Identifier: MIT
 *
 * records: the memory that goes over beside the store's: records of connections, then numbers, each piece named by a message.
 *
 * A file of memory (memfd_create(2)), so that what both sides hold has no bound of a message's. Whoever has made it may have written
 * anything. Main thread.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_RECORDS_H
#define RIPOSTE_SERVER_TAKE_OVER_RECORDS_H

#include <stddef.h>
#include <stdint.h>

/* 0 or -errno. */
int records_write(int fd, const char *data, size_t size, uint64_t offset);

/* So many bytes, to be freed; NULL and *result: -EPROTO: they are not there; other -errno. */
char *records_read(int fd, uint64_t offset, uint64_t size, int *result);

#endif
