/* SPDX-License-Identifier: MIT
 *
 * taker: the server that takes over from another one (--take-over), in the steps of its start. giver.h has the drawing.
 *
 *      taker_begin     who is there, what it has       before this one opens anything
 *      taker_inherit   its listening sockets, as the flags want them
 *      taker_await     READY, and what comes then      rings, buffers and threads are there, the sandbox is closed
 *      taker_take_items   the items one by one, where the store's memory cannot be used as it is
 *      taker_take      the verdict                     all that came is checked and taken in
 *      taker_end       in any case
 *
 * Where the other process dies on the way, nobody else serves: this one goes on with what it has got by then, and with nothing
 * where the rest would be; without a word from it, as an ordinary start. Main thread.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_TAKER_H
#define RIPOSTE_SERVER_TAKE_OVER_TAKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "channel.h"
#include "connections.h"
#include "failure.h"
#include "inherited.h"
#include "items.h"
#include "listen.h"
#include "listeners.h"
#include "options_table.h"
#include "verdict.h"

struct taker {
    pid_t pid;        /* of the other one; 0: this is an ordinary start, or has become one */
    uid_t uid;        /* of its user, as the kernel says */
    int process_fd;   /* owned: its handle (process_handle.h), or why there is none */
    bool checks_only; /* this one asks, and starts nothing */
    int fd;           /* owned; -1: it has ended, or all is over */
    bool taken;       /* this process serves: always true in an ordinary start */
    struct verdict verdict;
    struct message_settings settings; /* the other one's */
    struct listeners_taken listeners; /* its addresses and sockets */
    int notify_fd;                    /* owned until asked for; -1: none */
    int janitor_fd;                   /* the same */
    int arena_fd;                     /* owned; -1: none has come */
    int tables_fd;                    /* owned: what stands beside the arena; -1: the arena's file has it */
    int records_fd;                   /* owned: records of connections; -1: none have come */
    uint32_t abilities;               /* the other one's: enum message_ability */
    struct store_import *import;      /* borrowed, in taker_take_items */
    uint64_t items_left_count;        /* that the other one has not sent */
    struct engine *engine;            /* borrowed, in taker_await */
    struct connections_taken taken_connections;
    struct message_store store; /* keys of tickets; wiped once they are used */
    struct bytes numbers;       /* owned; what the other one has counted (riposte/numbers.h), checked */
};

/* Of an ordinary start, in which nothing below does anything. */
void taker_init(struct taker *taker);

/*
 * pid 0: nothing. Else connects to that process and learns what it offers; checks_only: that is all. False and *failure, EX_UNAVAILABLE or EX_NOPERM: it is not
 * there, is no riposte, another user's, or says no.
 */
bool taker_begin(struct taker *taker, const struct options *options, bool checks_only,
                 struct failure *failure);

/*
 * Its sockets go to `inherited`, each to the address of `list` that it belongs to; what a service manager gave it is added to the list before
 * the flags are looked at (make), and what no flag names is closed, with a line.
 */
bool taker_inherit(struct taker *taker, struct inherited *inherited, struct listen_list *list,
                   const struct options *options, struct failure *failure);

/*
 * Everything else is ready here: hears the rest. Connections go to `engine`, whose workers wait. False and *failure: the other one
 * goes on.
 */
bool taker_await(struct taker *taker, struct engine *engine, struct failure *failure);

/*
 * Asks for the items and stores them in a new store, up to memory_size_max bytes. *imported: what has become of them; left_count is of those
 * that were not sent, too. False and *failure: the other one goes on. Where it has ended meanwhile, this one has what had come.
 */
bool taker_take_items(struct taker *taker, struct store *store, size_t memory_size_max,
                      struct store_imported *imported, struct failure *failure);

/* From now on this process serves, or: false and *failure, the other one does. */
bool taker_take(struct taker *taker, struct failure *failure);

/*
 * This one has failed with *failure before the verdict. Where the other one has refused meanwhile, which this one has not heard while it did
 * something else, that comes first: it may be that it stops, and its sockets with it. They are not listened on any more then.
 */
void taker_explain(struct taker *taker, struct failure *failure);

/* Clients are answered: the other one may end. */
void taker_release(struct taker *taker);

/*
 * While this one serves, after SIGIO: what the other one was still asked to do, as bits (signals.h). Waits until `deadline_ns` for its word;
 * 0: not at all.
 */
unsigned taker_turn(struct taker *taker, uint64_t deadline_ns);

/* This one stops: the other one's signals are not heard any more. */
void taker_part(struct taker *taker);

/* Frees what nobody has asked for. why: for the other one, where this one has failed; NULL: it has not. */
void taker_end(struct taker *taker, const char *why);

#endif
