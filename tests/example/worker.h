/* SPDX-License-Identifier: MIT
 *
 * worker: what each thread of the engine keeps for the protocol. Made, used and freed on its own thread, so nothing here
 * needs a lock.
 */
#ifndef ECHO_WORKER_H
#define ECHO_WORKER_H

#include <riposte/bytes.h>
#include <riposte/engine.h>
#include <stdint.h>

#include "counts.h"

enum { HEARD_COUNT = 1 << 16 /* a power of two */ };

/* What all workers share. */
struct echo {
    struct counts counts[ENGINE_WORKERS_MAX];
    struct counted counted;
    struct sources sources;
};

struct worker {
    struct echo *echo;     /* borrowed; lives longer than the workers */
    struct counts *counts; /* its own there */
    unsigned index;
    unsigned connections_count;
    uint64_t forget_ns;          /* when counts are halved next; 0 before the first turn */
    uint32_t heard[HEARD_COUNT]; /* lines by hash; two that fall on one place are counted together */
};

/* The hooks of an engine whose workers share `echo`. */
struct engine_hooks worker_hooks(struct echo *echo);

/* How often `line` was heard. */
uint32_t *worker_heard(struct worker *worker, struct bytes line);

#endif
