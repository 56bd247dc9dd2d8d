/* SPDX-License-Identifier: MIT
 *
 * worker: the hooks of the engine, in the order in which they are called.
 */
#include "worker.h"

#include <riposte/clock.h>
#include <stdio.h>
#include <stdlib.h>

enum { FORGET_INTERVAL_MS = 60000 /* after which counts are halved */ };

static void *worker_start(void *user, unsigned worker_index) {
    struct echo *echo = user;
    struct worker *worker = calloc(1, sizeof(*worker));
    if (worker != NULL) {
        worker->echo = echo;
        worker->counts = &echo->counts[worker_index];
        worker->index = worker_index;
    }
    return worker;
}

/* Once per turn of the loop: the place for what is done for all connections, here forgetting. */
static unsigned worker_turn(void *worker_user, uint64_t now_ns) {
    struct worker *worker = worker_user;
    if (worker->forget_ns <= now_ns) {
        for (size_t i = 0; i < HEARD_COUNT && worker->forget_ns != 0; i++) {
            worker->heard[i] /= 2;
        }
        worker->forget_ns = now_ns + FORGET_INTERVAL_MS * CLOCK_NS_PER_MS;
    }
    return (unsigned)((worker->forget_ns - now_ns) / CLOCK_NS_PER_MS) + 1;
}

/* Between these two no request runs: a store that others write to would be let go of here. */
static void worker_offline(void *worker_user) {
    struct worker *worker = worker_user;
    counter_add(&worker->counts->naps, 1);
}

static void worker_online(void *worker_user, uint64_t now_ns) {
    (void)worker_user;
    (void)now_ns;
}

static void worker_stop(void *worker_user) {
    struct worker *worker = worker_user;
    printf("worker %u ends with %u connections\n", worker->index, worker->connections_count);
    free(worker);
}

struct engine_hooks worker_hooks(struct echo *echo) {
    return (struct engine_hooks){.user = echo,
                                 .worker_start = worker_start,
                                 .turn = worker_turn,
                                 .offline = worker_offline,
                                 .online = worker_online,
                                 .worker_stop = worker_stop};
}

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), folded to a place of the table. */
uint32_t *worker_heard(struct worker *worker, struct bytes line) {
    uint32_t hash = 2166136261;
    for (size_t i = 0; i < line.size; i++) {
        hash = (hash ^ (unsigned char)line.data[i]) * 16777619;
    }
    return &worker->heard[(hash ^ hash >> 16) & (HEARD_COUNT - 1)];
}
