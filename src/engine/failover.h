/* SPDX-License-Identifier: MIT
 *
 * failover: a worker whose ring has failed for good goes on with epoll.
 *
 * After the start nothing stops the process. A ring that answers with errors for a second (a sandbox put on later, a
 * fault of the kernel or of ours) will not come back: requests of the kernel's are never heard of again, so the worker's
 * connections cannot be served. They are closed, in order as far as the kernel lets us (a client reads what it was sent,
 * then the end), and the worker accepts new ones by epoll. Where epoll cannot be had either, its listeners close, so that
 * SO_REUSEPORT hands clients to the other workers, and the worker ends.
 *
 *      transport->wait sets transport_failed --> failover_turn: connections closed, ring given up, epoll opened
 *                                                                                        \-- no --> listeners closed, end
 *
 * The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_FAILOVER_H
#define RIPOSTE_ENGINE_FAILOVER_H

#include <stdbool.h>

#include "worker.h"

/* At the end of a turn in which transport_failed was set. False: the worker has no transport, and ends. */
bool failover_turn(struct worker *worker);

#endif
