/* SPDX-License-Identifier: MIT
 *
 * peer: addresses as log lines show them.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

static const char *shown(const struct peer *peer) {
    static char text[PEER_LINE_SIZE_MAX + 1];
    *peer_line(text, peer) = '\0';
    return text;
}

Test(peer, of_a_unix_socket_is_local) {
    struct peer peer;
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    peer_read(&peer, fds[0]);
    cr_expect_str_eq(shown(&peer), "rip=unix rport=0 transport=local");
    close(fds[0]);
    close(fds[1]);
}

Test(peer, that_is_gone_is_local) {
    struct peer peer;
    peer_read(&peer, -1);
    cr_expect_str_eq(shown(&peer), "rip=unix rport=0 transport=local");
}

Test(peer, that_is_gone_without_an_address_had_a_family) {
    struct peer peer;
    int gone = socket(AF_INET, SOCK_STREAM, 0);
    peer_read(&peer, gone);
    cr_expect_str_eq(shown(&peer), "rip=0.0.0.0 rport=0 transport=tcp");
    close(gone);
}

Test(peer, of_a_tcp_socket_has_address_and_port) {
    struct peer peer;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char expected[PEER_LINE_SIZE_MAX];
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&address, &size);
    cr_assert_eq(connect(client, (struct sockaddr *)&address, size), 0);
    peer_read(&peer, client);
    snprintf(expected, sizeof(expected), "rip=127.0.0.1 rport=%u transport=tcp", ntohs(address.sin_port));
    cr_expect_str_eq(shown(&peer), expected);
    close(client);
    close(listener);
}

Test(peer, of_ipv6_is_shown_without_brackets) {
    struct peer peer = {.family = AF_INET6, .port = 65535};
    cr_expect_str_eq(shown(&peer), "rip=:: rport=65535 transport=tcp");
    for (int i = 0; i < 16; i++) {
        peer.address[i] = 0xab;
    }
    cr_expect_str_eq(shown(&peer), "rip=abab:abab:abab:abab:abab:abab:abab:abab rport=65535 transport=tcp");
}
