/* SPDX-License-Identifier: MIT
 *
 * listen: where to listen and what is spoken there, from the texts of -l, -p, -s and --http (listen_entry.h).
 *
 * A name may stand for several addresses; each becomes one. Main thread only, and only before the engine
 * exists; texts are borrowed from the command line.
 */
#ifndef RIPOSTE_SERVER_LISTEN_H
#define RIPOSTE_SERVER_LISTEN_H

#include <sys/socket.h>

#include "address.h"
#include "failure.h"
#include "listen_entry.h"
#include "options_table.h"
#include "protocols.h"
#include "riposte/bytes.h"
#include "riposte/engine.h"

enum {
    LISTEN_TEXT_SIZE_MAX = ADDRESS_TEXT_SIZE_MAX + 11, /* of listen_text, terminator included */
};

/* One address. */
struct listen {
    struct sockaddr_storage address;
    socklen_t address_size; /* in bytes, of the part of `address` that is used */
    const struct server_protocol *protocol;
    struct bytes tag;
    enum listen_tls tls; /* ON, MUTUAL, or plain: OFF; UNSAID of an inherited one until the list is made */
    bool is_inherited;   /* listens already; its file, if any, is somebody else's */
    bool is_taken;       /* listens already; another process has made it, and gives it up */
    bool is_free_port;   /* the flag left the port to the system */
    struct engine_socket_file file; /* once it listens: of listen_own_path */
    bool is_named;                  /* of an inherited one: whoever gave it has said what is spoken there */
};

struct listen_list {
    struct listen listens[ENGINE_LISTENS_MAX];
    unsigned count;
};

/* What an entry does not say. */
struct listen_defaults {
    const char *flag;     /* where the texts come from, for messages */
    const char *protocol; /* a name that protocols_find knows */
    int32_t port;         /* -1: a free one; 0: an entry without a port is left out */
    enum listen_tls tls;  /* OFF or ON */
    bool port_0_is_free;  /* an entry may name port 0 for a free one; else that is refused */
};

/*
 * Adds the addresses of `texts`, entries separated by commas, that are not there yet. False and *failure:
 * EX_USAGE for what cannot be understood, EX_OSERR for a name that cannot be resolved.
 */
bool listen_list_add(struct listen_list *list, const struct listen_defaults *defaults, const char *texts,
                     struct failure *failure);

/*
 * Adds the address of a socket that listens already, or finds it in the list, which has only such ones yet; *index says
 * where. False and *failure: EX_USAGE for sockets of one address that are to speak two protocols.
 */
bool listen_list_inherit(struct listen_list *list, const struct listen *listen, unsigned *index,
                         struct failure *failure);

/*
 * Adds all addresses of the command line to a list that is empty or has inherited ones, each once: those of -l
 * (127.0.0.1 when there is none, and neither -p nor anything inherited) with -p where an entry names no port, then -s,
 * then those of --http. False and *failure as above.
 */
bool listen_list_make(struct listen_list *list, const struct options *options, struct failure *failure);

/*
 * For a socket that another process gives up: the address of a complete list that it serves, which is then `is_taken`: the same one, or, where both
 * took any free port, one whose port is still open. list->count: none does.
 */
unsigned listen_list_match(struct listen_list *list, const struct listen *listen, bool is_free_port);

/* Whether one of them speaks `protocol`. */
bool listen_list_speaks(const struct listen_list *list, const struct protocol *protocol);

/* The file of a Unix socket that this server makes; NULL for all else. Lives as long as *listen. */
const char *listen_own_path(const struct listen *listen);

/* "127.0.0.1:11211", "[::1]:11211", "unix:/run/riposte.sock", "tls://127.0.0.1:11211", "https://127.0.0.1:8080", "http+unix:/run/s" */
void listen_text(const struct listen *listen, char text[LISTEN_TEXT_SIZE_MAX]);

/*
 * The file that MEMCACHED_PORT_FILENAME names, for scripts that start with -p -1:
 *
 *      TCP INET: 40123
 *      TCP INET6: 40125
 *      HTTP INET: 40127
 *
 * Written to <path>.lck and renamed, so that a reader sees all of it or nothing; once all listeners have
 * ports. path NULL: nothing to do.
 */
bool listen_list_write(const struct listen_list *list, const char *path, struct failure *failure);

#endif
