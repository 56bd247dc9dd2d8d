/* SPDX-License-Identifier: MIT
 *
 * serve: from received bytes to answers, and from sent answers to more. What transports report of a
 * connection comes here. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_SERVE_H
#define RIPOSTE_ENGINE_SERVE_H

#include "worker.h"

/* Bytes came; they stay in place until the transport's return_buffers. size >= 1. */
void serve_on_recv(struct worker *worker, struct conn *conn, struct bytes bytes);

/* The client's side ended (error 0), or the connection broke (a negative errno). */
void serve_on_recv_end(struct worker *worker, struct conn *conn, int error);

/*
 * The receive is over though the connection is healthy: buffers were empty, a multishot ended, a cancel took
 * effect.
 */
void serve_on_recv_idle(struct worker *worker, struct conn *conn);

/* The send in flight ended: bytes taken, or a negative errno. */
void serve_on_sent(struct worker *worker, struct conn *conn, int64_t result);

/* Serves the run queue, in rounds, then those whose requests take long. Once per turn. */
void serve_turn(struct worker *worker);

#endif
