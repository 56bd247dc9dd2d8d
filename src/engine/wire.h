/* SPDX-License-Identifier: MIT
 *
 * wire: the bytes of a connection with a filter, as they have come: filtered at once, or kept until their turn.
 *
 *      serve_on_recv --> wire_take --+--> filter_receive --> sink
 *                                    |                        ^
 *                                    v                        |
 *                            conn_filter.wire --> wire_turn --+
 *                              (run queue)
 *
 * At once, while that leaves the turn's time to requests, and behind what waits. Those of a handshake, and of who has brought much
 * work in few bytes, wait behind the requests of others. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_WIRE_H
#define RIPOSTE_ENGINE_WIRE_H

#include "filter.h"

/* Bytes came; they stay in place until the end of the turn. */
void wire_take(struct worker *worker, struct conn *conn, struct bytes bytes, const struct filter_sink *sink);

/* The turn of what waits has come. */
void wire_turn(struct worker *worker, struct conn *conn, const struct filter_sink *sink);

#endif
