/* SPDX-License-Identifier: MIT
 *
 * opening: connections whose filter is not open yet (a handshake is under way): how many a worker has, and for how long.
 *
 *      accept --filter says so--> OPENING --filter is open--> OPEN: on_open of the protocol
 *                                    |
 *                                    +-- opening_timeout_ms is over, or others wait for its place --> CLOSING
 *
 * What they receive is served behind the requests of others: a step of a handshake takes as long as hundreds of those. At the
 * bound no listen with a filter accepts any more; what the kernel has accepted by then may pass it. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_OPENING_H
#define RIPOSTE_ENGINE_OPENING_H

#include "worker.h"

/* The connection was accepted, and its filter is not open. */
void opening_begin(struct worker *worker, struct conn *conn);

/* It is open from now on. */
void opening_succeed(struct worker *worker, struct conn *conn);

/* It ends without having been open. */
void opening_give_up(struct worker *worker, struct conn *conn);

/* As many as this worker may have, after those have been closed that say nothing and have had their time. */
bool opening_is_full(struct worker *worker);

/* Looks at those that are due. */
void opening_check(struct worker *worker);

#endif
