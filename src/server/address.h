/* SPDX-License-Identifier: MIT
 *
 * address: where to listen, from the texts of -l, -p and -s.
 *
 *      entry    = *( "proto[" word "]:" | "tag[" word "]:" ) place
 *      place    = "*" | host | "*:" port | host ":" port | "[" v6 "]" | "[" v6 "]:" port | v6
 *
 * A name may stand for several addresses; each becomes one. Main thread only, and only before the engine
 * exists.
 */
#ifndef RIPOSTE_SERVER_ADDRESS_H
#define RIPOSTE_SERVER_ADDRESS_H

#include <sys/socket.h>

#include "failure.h"
#include "options.h"
#include "riposte/engine.h"

/*
 * Longest text of address_format, terminator included: "unix:" and a path, or an IPv6 address with scope and
 * port.
 */
enum { ADDRESS_TEXT_SIZE_MAX = 128 };

struct address {
    struct sockaddr_storage socket;
    socklen_t size; /* in bytes, of the part of `socket` that is used */
};

struct address_list {
    struct address addresses[ENGINE_LISTENS_MAX];
    unsigned count;
};

/*
 * All addresses of the command line, each once: those of -l (127.0.0.1 when there is none) with -p where an
 * entry names no port, then -s. False and *failure: EX_USAGE for what cannot be understood, EX_OSERR for a
 * name that cannot be resolved.
 */
bool address_list_make(struct address_list *list, const struct options *options, struct failure *failure);

/* "127.0.0.1:11211", "[::1]:11211", "unix:/run/riposte.sock" */
void address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE_MAX]);

/* The file of a Unix socket; NULL for any other address. Lives as long as *address. */
const char *address_unix_path(const struct address *address);

/* Replaces the port of an AF_INET or AF_INET6 address (host byte order); anything else is left alone. */
void address_set_port(struct address *address, uint16_t port);

#endif
