/* SPDX-License-Identifier: MIT
 *
 * inherited: sockets that listen already when the process starts, as sd_listen_fds(3) passes them.
 *
 *      LISTEN_PID       whom they are for
 *      LISTEN_FDS       how many: descriptors 3, 4, ...
 *      LISTEN_FDNAMES   a name each, separated by colons (FileDescriptorName= of systemd.socket(5))
 *
 * What is spoken on one is what the flag says that names its address; else its name, where that is a protocol ("http");
 * else memcached's text protocol. Main thread, before others exist.
 */
#ifndef RIPOSTE_SERVER_INHERITED_H
#define RIPOSTE_SERVER_INHERITED_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "listen.h"

/* Also those of another server: several addresses, each with a socket for every worker. */
enum { INHERITED_MAX = 4 * ENGINE_WORKERS_MAX };

struct inherited {
    int fds[INHERITED_MAX];         /* owned until inherited_close */
    uint8_t listens[INHERITED_MAX]; /* which of the list each belongs to; those of one address share it */
    unsigned count;
};

/*
 * Takes them over (close-on-exec from now on; the variables are gone afterwards, so that no program started later takes them
 * for its own) and adds their addresses to `list`, which has nothing else yet. Nothing where there are none, or they are for
 * another process. False and *failure, EX_USAGE: a descriptor is no stream socket that listens.
 */
bool inherited_take(struct inherited *inherited, struct listen_list *list, struct failure *failure);

/* Those of one listen, to `fds`; returns how many. */
unsigned inherited_of(const struct inherited *inherited, unsigned listen_index, int fds[INHERITED_MAX]);

/* Once the engine has duplicates. */
void inherited_close(struct inherited *inherited);

#endif
