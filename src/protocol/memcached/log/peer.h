/* SPDX-License-Identifier: MIT
 *
 * peer: the address of a connection's client, kept from its beginning because a socket whose client is gone
 * does not know it any more.
 */
#ifndef MEMCACHED_PEER_H
#define MEMCACHED_PEER_H

#include <stdint.h>

enum { PEER_LINE_SIZE_MAX = 96 }; /* "rip=<address> rport=<n> transport=<word>" */

struct peer {
    uint8_t address[16]; /* the first 4 for IPv4 */
    uint16_t port;
    uint8_t family; /* AF_INET or AF_INET6; anything else is local */
};

void peer_read(struct peer *peer, int fd);

/* Writes what log lines tell of it and returns behind it. */
char *peer_line(char *at, const struct peer *peer);

#endif
