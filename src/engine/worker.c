/* SPDX-License-Identifier: MIT
 *
 * worker: makes and frees a worker's memory and descriptors, and wakes it from outside.
 */
#include "worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_state.h"

void worker_free(struct worker *worker) {
    if (worker == NULL) {
        return;
    }
    for (unsigned i = 0; worker->listeners != NULL && i < worker->engine->config.listens_count; i++) {
        /* A Unix socket is shared by all workers and closed with the first. */
        if (worker->listeners[i].fd >= 0 && (!worker->listeners[i].is_unix || worker->index == 0)) {
            close(worker->listeners[i].fd);
        }
    }
    if (worker->wake_fd >= 0) {
        close(worker->wake_fd);
    }
    free(worker->listeners);
    free(worker->listens);
    free(worker);
}

struct worker *worker_create(struct engine *engine, unsigned index) {
    /* Aligned as the type asks: its counters have cache lines of their own. */
    struct worker *worker = aligned_alloc(_Alignof(struct worker), sizeof(*worker));
    if (worker == NULL) {
        return NULL;
    }
    memset(worker, 0, sizeof(*worker));
    worker->engine = engine;
    worker->index = index;
    worker->wake_fd = -1;
    worker->spare_fd = -1;
    worker->transport = engine->transport;
    worker->listeners = calloc(engine->config.listens_count, sizeof(*worker->listeners));
    worker->listens = calloc(engine->config.listens_count, sizeof(*worker->listens));
    for (unsigned i = 0; worker->listeners != NULL && i < engine->config.listens_count; i++) {
        worker->listeners[i] = (struct listener){
            .fd = -1,
            .parked_fd = -1,
            .listen = (uint8_t)i,
            .is_unix = engine->listens[i].address.ss_family == AF_UNIX,
            .single_shot = !engine->uring.accept_multishot,
        };
    }
    if (worker->listeners == NULL || worker->listens == NULL) {
        worker_free(worker);
        return NULL;
    }
    return worker;
}

void worker_wake(struct worker *worker) {
    uint64_t one = 1;
    /* EAGAIN: the counter is full, so the worker is being woken already. */
    ssize_t written = write(worker->wake_fd, &one, sizeof(one));
    (void)written;
}
