/* SPDX-License-Identifier: MIT
 *
 * peer: asks a socket for the address of its other end, and words it.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"

/* Who is gone without an address was a client of that family all the same: 0.0.0.0 or ::, port 0. */
static void peer_read_family(struct peer *peer, int fd) {
    int family;
    socklen_t size = sizeof(family);
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0) {
        peer->family = (uint8_t)family;
    }
}

void peer_read(struct peer *peer, int fd) {
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&address;
    socklen_t size = sizeof(address);
    *peer = (struct peer){.family = AF_UNSPEC};
    if (getpeername(fd, (struct sockaddr *)&address, &size) < 0) {
        peer_read_family(peer, fd); /* ENOTCONN: gone already */
        return;
    }
    peer->family = (uint8_t)address.ss_family;
    peer->port = address_port(&address);
    if (address.ss_family == AF_INET) {
        memcpy(peer->address, &v4->sin_addr, sizeof(v4->sin_addr));
    } else if (address.ss_family == AF_INET6) {
        memcpy(peer->address, &v6->sin6_addr, sizeof(v6->sin6_addr));
    }
}

char *peer_line(char *at, const struct peer *peer) {
    char ip[INET6_ADDRSTRLEN] = "unix";
    const char *transport = "local";
    if (peer->family == AF_INET || peer->family == AF_INET6) {
        inet_ntop(peer->family, peer->address, ip, sizeof(ip));
        transport = "tcp";
    }
    return at + snprintf(at, PEER_LINE_SIZE_MAX, "rip=%s rport=%u transport=%s", ip, peer->port, transport);
}
