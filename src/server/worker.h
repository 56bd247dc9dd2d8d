/* SPDX-License-Identifier: MIT
 *
 * worker: what the server keeps per worker thread, and the engine's hooks that make, move on and end it.
 *
 * One worker is the store's and the protocol's part for one thread. All functions run on that thread; between
 * worker_start and worker_stop the engine calls `turn` once per turn, and `offline` and `online` around every
 * sleep, which the store needs to know when memory can be used again.
 */
#ifndef RIPOSTE_SERVER_WORKER_H
#define RIPOSTE_SERVER_WORKER_H

#include "riposte/engine.h"

struct http_service;
struct memcached_service;
struct store;

/* What all workers share; constant while they run, lives longer than they do. */
struct worker_common {
    struct store *store;               /* borrowed */
    struct memcached_service *service; /* borrowed */
    struct http_service *http;         /* borrowed; NULL without --http */
};

/* The hooks of an engine whose workers share `common`. */
struct engine_hooks worker_hooks(struct worker_common *common);

/* The memcached protocol's context on a worker: for engine_listen.context_of. */
void *worker_memcached_context(void *worker_user);

/* The same of HTTP, where there is a service of it: for any listener, and for one bound to loopback. */
void *worker_http_context(void *worker_user);
void *worker_http_loopback_context(void *worker_user);

#endif
