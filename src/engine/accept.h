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

/*
 * The worker stops: accepts no more. With `close_listeners` whatever waits in the listeners' queues is accepted
 * before, and further clients are refused; without, the queues are left to whoever takes the listeners over.
 */
void accept_last(struct worker *worker, bool close_listeners);

/*
 * The worker freezes: accepts no more; the queues are left as they are. Who waits for a place below the limit has one, since nobody
 * else will give it: the limit is passed by one for each listener.
 */
void accept_halt(struct worker *worker);

/* The connection is open, its filter too where it has one: it is the protocol's from here on. */
void accept_open_session(struct worker *worker, struct conn *conn);

#endif
