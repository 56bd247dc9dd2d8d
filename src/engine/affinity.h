/* SPDX-License-Identifier: MIT
 *
 * affinity: on which CPUs a worker's thread may run: on its own, or, when it has to wait for that (tie.h), on all that the process
 * was allowed at the start. The worker's own thread only.
 *
 * Looked at in turns that come anyway: a worker that sleeps is not woken for it, and waits for nothing.
 */
#ifndef RIPOSTE_ENGINE_AFFINITY_H
#define RIPOSTE_ENGINE_AFFINITY_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "tie.h"

enum { AFFINITY_LOOK_MS = 100 }; /* between two looks at what was waited: 10 µs of a second */

struct worker;

struct affinity {
    uint64_t look_ns;      /* time of the next look; UINT64_MAX: never */
    int delay_fd;          /* run_delay_open; -1: nothing is known */
    bool adapts;           /* ENGINE_PIN_AUTO, and there is another CPU to go to */
    struct tie tie;        /* of one that adapts */
    struct run_delay seen; /* at the last look */
    cpu_set_t allowed;     /* at the start, before it was tied */
};

/* The thread begins: ties it to worker.cpu where that is wanted. Undone by affinity_end. */
void affinity_begin(struct worker *worker);
void affinity_end(struct worker *worker);

/* Once per turn, after the clock was read. */
void affinity_turn(struct worker *worker);

#endif
