/* SPDX-License-Identifier: MIT
 *
 * worker: makes and frees a worker's memory and descriptors, settles its thread, and wakes it from outside.
 */
#include "worker.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_state.h"

void worker_free(struct worker *worker) {
    if (worker == NULL) {
        return;
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
    worker->affinity.delay_fd = -1;
    worker->transport = engine->transport;
    worker->hooks = &engine->config.hooks;
    worker->listens = calloc(engine->config.listens_count, sizeof(*worker->listens));
    if (worker->listens == NULL) {
        worker_free(worker);
        return NULL;
    }
    return worker;
}

int worker_add_listener(struct worker *worker, const struct listener *listener) {
    size_t size = (worker->listeners_count + 1) * sizeof(*worker->listeners);
    struct listener *listeners = realloc(worker->listeners, size);
    if (listeners == NULL) {
        return -ENOMEM;
    }
    listeners[worker->listeners_count++] = *listener;
    worker->listeners = listeners;
    return 0;
}

void worker_wake(struct worker *worker) {
    uint64_t one = 1;
    /* EAGAIN: the counter is full, so the worker is being woken already. */
    ssize_t written = write(worker->wake_fd, &one, sizeof(one));
    (void)written;
}

/* sendfile(2) to a client that is gone raises it, and takes no MSG_NOSIGNAL: EPIPE says the same. */
static void worker_block_pipe_signal(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    int failed = pthread_sigmask(SIG_BLOCK, &set, NULL);
    assert(failed == 0);
    (void)failed;
}

void worker_settle_thread(struct worker *worker) {
    worker_block_pipe_signal();
    affinity_begin(worker);
}
