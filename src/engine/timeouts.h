/* SPDX-License-Identifier: MIT
 *
 * timeouts: what a connection is watched for.
 *
 *      WRITE    output waits and nothing leaves the kernel's queue for write_timeout_ms  reset, slow reader
 *      LINGER   the client does not end after our last byte for linger_timeout_ms     closed
 *      LATER    on_input asked to be called again: PROTOCOL_LATER_MS                  called
 *      IDLE     no request completed and no value moved for the idle time-out         closed
 *
 * A connection is watched for one thing at a time. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_TIMEOUTS_H
#define RIPOSTE_ENGINE_TIMEOUTS_H

#include "worker.h"

/* The connection has output that the client is to take: the write time-out replaces what was watched. */
void timeouts_watch_output(struct worker *worker, struct conn *conn);

/* The connection has nothing to send: when somebody looks at it again although nothing has come. */
void timeouts_watch_quiet(struct worker *worker, struct conn *conn);

/* Acts on every deadline that has come. Once per turn. */
void timeouts_turn(struct worker *worker);

#endif
