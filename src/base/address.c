/* SPDX-License-Identifier: MIT
 *
 * address: one switch by family for each question. See address.h.
 */
#include "address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/un.h>

/* "%eth0" behind a link-local address, "" behind all others; a number where the interface has gone. */
static void scope_text(const struct sockaddr_in6 *address, char text[IF_NAMESIZE + 1]) {
    char name[IF_NAMESIZE];
    uint32_t scope = address->sin6_scope_id;
    if (scope == 0) {
        text[0] = '\0';
    } else if (if_indextoname(scope, name) != NULL) {
        snprintf(text, IF_NAMESIZE + 1, "%%%s", name);
    } else {
        snprintf(text, IF_NAMESIZE + 1, "%%%u", scope);
    }
}

void address_host_text(const struct sockaddr_storage *address, char text[ADDRESS_TEXT_SIZE_MAX]) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    switch (address->ss_family) {
    case AF_INET:
        inet_ntop(AF_INET, &in->sin_addr, text, ADDRESS_TEXT_SIZE_MAX);
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &in6->sin6_addr, text, ADDRESS_TEXT_SIZE_MAX);
        break;
    default:
        snprintf(text, ADDRESS_TEXT_SIZE_MAX, "?");
        break;
    }
}

void address_text(const struct sockaddr_storage *address, char text[ADDRESS_TEXT_SIZE_MAX]) {
    char host[ADDRESS_TEXT_SIZE_MAX];
    char scope[IF_NAMESIZE + 1];
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)address;
    address_host_text(address, host);
    switch (address->ss_family) {
    case AF_INET:
        snprintf(text, ADDRESS_TEXT_SIZE_MAX, "%.45s:%u", host, address_port(address));
        break;
    case AF_INET6:
        scope_text((const struct sockaddr_in6 *)(const void *)address, scope);
        snprintf(text, ADDRESS_TEXT_SIZE_MAX, "[%.45s%s]:%u", host, scope, address_port(address));
        break;
    case AF_UNIX:
        /* A path of full length has no terminator; a name without a file begins with a zero (unix(7)). */
        if (un->sun_path[0] != '\0') {
            snprintf(text, ADDRESS_TEXT_SIZE_MAX, "%.*s", (int)sizeof(un->sun_path), un->sun_path);
        } else {
            snprintf(text, ADDRESS_TEXT_SIZE_MAX, "@%.*s", (int)sizeof(un->sun_path) - 1, un->sun_path + 1);
        }
        break;
    default:
        snprintf(text, ADDRESS_TEXT_SIZE_MAX, "?");
        break;
    }
}

uint16_t address_port(const struct sockaddr_storage *address) {
    switch (address->ss_family) {
    case AF_INET:
        return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    case AF_INET6:
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    default:
        return 0;
    }
}

void address_set_port(struct sockaddr_storage *address, uint16_t port) {
    switch (address->ss_family) {
    case AF_INET:
        ((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
        break;
    case AF_INET6:
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
        break;
    default:
        break;
    }
}

bool address_is_loopback(const struct sockaddr_storage *address) {
    switch (address->ss_family) {
    case AF_INET:
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 ==
               IN_LOOPBACKNET;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    default:
        return false;
    }
}

const char *address_unix_path(const struct sockaddr_storage *address) {
    const char *path = ((const struct sockaddr_un *)(const void *)address)->sun_path;
    return address->ss_family == AF_UNIX && path[0] != '\0' ? path : NULL;
}
