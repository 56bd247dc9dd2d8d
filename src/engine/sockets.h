/* SPDX-License-Identifier: MIT
 *
 * sockets: the listening sockets of an engine, and which worker accepts from which.
 *
 *      bound TCP            one for each worker and address (SO_REUSEPORT)
 *      bound Unix           one for all workers
 *      inherited, c of them worker w accepts from those with a number of w, w + workers, w + 2 workers ...;
 *                           with fewer sockets than workers each is shared by several workers
 *
 * Every inherited socket is accepted from: a client that the kernel has put into the queue of a silent one
 * would wait for ever. The thread that creates the engine calls, before workers run and after they are gone.
 */
#ifndef RIPOSTE_ENGINE_SOCKETS_H
#define RIPOSTE_ENGINE_SOCKETS_H

#include "engine_state.h"

/* Opens or takes over the sockets of every listen. 0, or a negative errno and *error: sockets_close then. */
int sockets_open(struct engine *engine, struct engine_error *error);

/*
 * Closes them. The files of Unix sockets that are still ours go, too: not those that another process has by now (hands_over), nor those
 * of another one that goes on, since this engine has never served.
 */
void sockets_close(struct engine *engine, bool hands_over);

#endif
