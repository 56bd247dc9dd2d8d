/* SPDX-License-Identifier: MIT
 *
 * close: the end of a connection, in steps.
 *
 *      close_flush   nothing more is parsed; what is answered is sent      OPEN, OPENING -> FLUSHING
 *      close_linger  our side is shut down; the client does the same       FLUSHING -> LINGERING
 *      close_begin   the kernel is asked to give up what it holds          any -> CLOSING
 *      close_finish  it has: the slot is free                              CLOSING -> FREE
 *
 * The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_CLOSE_H
#define RIPOSTE_ENGINE_CLOSE_H

#include "worker.h"

/* Begins the end of a connection; in any state, more than once. The first reason counts. */
void close_begin(struct worker *worker, struct conn *conn, enum close_reason reason);

/* The last reply is in: nothing more is parsed. In any state; only OPEN and OPENING change. */
void close_flush(struct worker *worker, struct conn *conn, enum close_reason reason);

/* The same after reply_close: the reply says why. */
void close_by_protocol(struct worker *worker, struct conn *conn);

/* The last reply has left: no more from us, and a while for the client to do the same. FLUSHING only. */
void close_linger(struct worker *worker, struct conn *conn);

/* The protocol is told that the connection has ended, unless it was, or never knew of it. */
void close_tell(struct worker *worker, struct conn *conn);

/* in_flight is 0 and the connection is watched for nothing: gives the slot back. The descriptor is the caller's. */
void close_detach(struct worker *worker, struct conn *conn);

/* CLOSING, and in_flight is 0: tells the protocol unless close_linger has, closes the descriptor, gives the slot back. */
void close_finish(struct worker *worker, struct conn *conn);

#endif
