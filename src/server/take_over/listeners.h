/* SPDX-License-Identifier: MIT
 *
 * listeners: the addresses of the other server with the sockets that listen there, as they come message by message, and what becomes of
 * them here.
 *
 *      LISTENER ... --listeners_take--> address by address --listeners_inherit--> inherited.h; what no flag names is closed
 *      FILE ...     --listeners_take_file                  --listeners_dropped--> the files of those, to be removed once this one serves
 *
 * Main thread.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_LISTENERS_H
#define RIPOSTE_SERVER_TAKE_OVER_LISTENERS_H

#include <stdbool.h>

#include "channel.h"
#include "failure.h"
#include "inherited.h"
#include "listen.h"
#include "message.h"
#include "socket_files.h"

/* All zero is none. */
struct listeners_taken {
    struct message_listener listeners[ENGINE_LISTENS_MAX]; /* fds_count is of all messages of one */
    struct engine_socket_file files[ENGINE_LISTENS_MAX];   /* of each; builds from before do not say it */
    bool are_dropped[ENGINE_LISTENS_MAX];                  /* no flag names it */
    unsigned count;
    int fds
        [INHERITED_MAX]; /* owned, from listeners_take to listeners_inherit or listeners_close; address by address */
    unsigned fds_count;
};

/* Takes those of one message, and `fds`. 0; -EPROTO: it cannot be, and `fds` are closed. */
int listeners_take(struct listeners_taken *taken, const struct message_listener *message,
                   struct channel_fds *fds);

/* Takes the file of the last one. False: it has none, or has been said. */
bool listeners_take_file(struct listeners_taken *taken, const struct message_file *message);

/* One of the addresses, 0 to count - 1. Its protocol is NULL where this build does not know it. */
struct listen listeners_listen(const struct listeners_taken *taken, unsigned index);

/* This build knows the protocols of all. */
bool listeners_are_known(const struct listeners_taken *taken);

/*
 * Adds those that a service manager has given to `list`: they stay, whatever the flags say. All are known. False and *failure as
 * listen_list_inherit.
 */
bool listeners_keep_managed(const struct listeners_taken *taken, struct listen_list *list,
                            struct failure *failure);

/* Gives each socket to the address of `list` that it belongs to, which is taken then; closes those that have none, with a line. `inherited` has none yet. */
void listeners_inherit(struct listeners_taken *taken, struct inherited *inherited, struct listen_list *list);

/*
 * The files that listeners_inherit has left without a socket of this process: this server's to remove from the verdict on, and the other
 * one's until then. Their paths live as long as *taken.
 */
void listeners_dropped(const struct listeners_taken *taken, struct socket_files *dropped);

/* Closes what nobody has inherited. */
void listeners_close(struct listeners_taken *taken);

#endif
