/* SPDX-License-Identifier: MIT
 *
 * session: what one connection is in the middle of.
 *
 *      LINE --storage line, value not all there--> VALUE --last byte--> LINE
 *        |  --refused storage line--------------> SWALLOW --last byte--> LINE
 *        |  --get line-------------------------> KEYS --line end--> LINE
 *        |  --listing--------------------------> DUMP --last item--> LINE
 *        |  --stats conns------------------------> CONNS --last line--> LINE
 *        \--watch------------------------------> WATCH, for the rest of its life
 *
 * Lives in the engine's slot, zeroed at accept; all zero is the beginning of LINE. Small, because most
 * connections are idle.
 */
#ifndef MEMCACHED_SESSION_H
#define MEMCACHED_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "peer.h"
#include "request.h"

struct conns;
struct dump;
struct put_upload;
struct watcher;

enum mc_session_state {
    MC_SESSION_LINE,    /* the next byte begins, or continues, a command line */
    MC_SESSION_VALUE,   /* the next byte belongs to a data block whose line was executed */
    MC_SESSION_SWALLOW, /* the next byte belongs to a data block that nobody wants */
    MC_SESSION_KEYS,    /* the next byte begins a key, or the end, of a get line that was checked whole */
    MC_SESSION_DUMP,    /* a listing is under way; input waits */
    MC_SESSION_CONNS,   /* a list of connections is under way; input waits */
    MC_SESSION_WATCH,   /* gets log lines; input is dropped */
};

struct mc_session {
    union {                        /* owned; which one says the state, NULL in all states but these */
        struct put_upload *upload; /* VALUE */
        struct dump *dump;         /* DUMP */
        struct conns *conns;       /* CONNS */
        struct watcher *watcher;   /* WATCH */
    };
    int fd;                 /* the connection's descriptor, its number in lists and logs; -1: it has none */
    uint32_t swallow_size;  /* SWALLOW: bytes still to be skipped, > 0 */
    uint32_t searched_size; /* LINE: bytes of the unfinished line that hold no line feed */
    uint32_t touch_expires_tick; /* KEYS of gat and gats */
    enum mc_session_state state : 8;
    enum mc_verb verb : 8; /* KEYS: the command */
    bool authenticated;    /* has introduced itself; looked at only where that is asked for */
    bool spoken; /* a first byte was seen: what the binary protocol begins with is only looked for there */
    struct peer peer; /* of the client; local where watching is not allowed: nobody asks */
};

_Static_assert(sizeof(struct mc_session) <= 64, "an idle connection stays below 400 bytes");

#endif
