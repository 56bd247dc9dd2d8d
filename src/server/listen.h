/* SPDX-License-Identifier: MIT
 *
 * listen: where to listen, from the texts of -l, -p, -s and --http.
 *
 *      entry    = *( "proto[" word "]:" | "tag[" word "]:" ) place
 *      place    = "*" | host | "*:" port | host ":" port | "[" v6 "]" | "[" v6 "]:" port | v6
 *
 * A name may stand for several addresses; each becomes one. Main thread only, and only before the engine
 * exists.
 */
#ifndef RIPOSTE_SERVER_LISTEN_H
#define RIPOSTE_SERVER_LISTEN_H

#include <sys/socket.h>

#include "address.h"
#include "failure.h"
#include "options_table.h"
#include "riposte/engine.h"

/* Longest text of listen_text, terminator included. */
enum { LISTEN_TEXT_SIZE_MAX = ADDRESS_TEXT_SIZE_MAX + 10 };

/* What is spoken there. */
enum listen_protocol { LISTEN_MEMCACHED, LISTEN_HTTP };

struct listen {
    enum listen_protocol protocol;
    struct sockaddr_storage address;
    socklen_t address_size; /* in bytes, of the part of `address` that is used */
};

struct listen_list {
    struct listen listens[ENGINE_LISTENS_MAX];
    unsigned count;
};

/*
 * All addresses of the command line, each once: those of -l (127.0.0.1 when there is none) with -p where an
 * entry names no port, then -s, then those of --http. False and *failure: EX_USAGE for what cannot be understood, EX_OSERR for a
 * name that cannot be resolved.
 */
bool listen_list_make(struct listen_list *list, const struct options *options, struct failure *failure);

/* "127.0.0.1:11211", "[::1]:11211", "unix:/run/riposte.sock", "http://127.0.0.1:8080", "http+unix:/run/http.sock" */
void listen_text(const struct listen *listen, char text[LISTEN_TEXT_SIZE_MAX]);

#endif
