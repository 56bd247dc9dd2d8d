/* SPDX-License-Identifier: MIT
 *
 * drain: the stop of a worker. Its own thread only.
 */
#ifndef RIPOSTE_ENGINE_DRAIN_H
#define RIPOSTE_ENGINE_DRAIN_H

#include "worker.h"

/* The engine stops: no more connections; what has been received is answered. More than once does nothing. */
void drain_begin(struct worker *worker);

/*
 * What the worker served is another process's, and its hooks have ended; a freeze has left connections behind (freeze.h), of which no
 * request is served any more: they are let open, hear the end, and close, within two seconds.
 */
void drain_part(struct worker *worker);

/* Moves the stop on. Once per turn while stopping. */
void drain_turn(struct worker *worker);

/* Every request of the connection that was received whole is answered. */
bool drain_is_answered(const struct conn *conn);

/*
 * The connection, OPEN and answered, hears the end. On a Unix socket once more, when what was sent before the first time is answered, too.
 */
void drain_say_goodbye(struct worker *worker, struct conn *conn, enum close_reason reason);

#endif
