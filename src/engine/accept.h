/* SPDX-License-Identifier: MIT
 *
 * accept: how connections come in. What transports report of a listener comes here. The worker's own thread
 * only.
 */
#ifndef RIPOSTE_ENGINE_ACCEPT_H
#define RIPOSTE_ENGINE_ACCEPT_H

#include "worker.h"

/* A connection was accepted; `fd` is taken over. */
void accept_on_connection(struct worker *worker, struct listener *listener, int fd);

/*
 * An accept failed, or (-ECANCELED) ended; `error` is a negative errno. The transport has cleared
 * listener->armed if it is over.
 */
void accept_on_error(struct worker *worker, struct listener *listener, int error);

/* Accepts again where a pause is over or a connection has ended. Once per turn. */
void accept_turn(struct worker *worker);

/* Accepts whatever waits in the listeners' queues, then closes the listeners. Once, when the engine stops. */
void accept_last(struct worker *worker);

#endif
