/* SPDX-License-Identifier: MIT
 *
 * counts: what the workers count, and one list of everything that is counted.
 *
 * Counters belong to a worker, which counts without an atomic operation; any thread may read and add them up. Whoever has
 * numbers to show registers a metrics source, and who lists them need not know what there is.
 */
#ifndef ECHO_COUNTS_H
#define ECHO_COUNTS_H

#include <riposte/counter.h>
#include <riposte/engine.h>
#include <riposte/metrics.h>

struct reply;

/* One set per worker. Two workers' sets never share a cache line. */
struct counts {
    _Alignas(64) struct counter lines;
    struct counter lines_late; /* "later" and each of "ticks" */
    struct counter naps;       /* times the worker has slept */
};

enum { SOURCES_MAX = 4 };

/* Sources are registered before the workers start and stay as they are. */
struct sources {
    struct metrics_source sources[SOURCES_MAX];
    unsigned count;
};

/* What the example registers by itself; ENGINE_WORKERS_MAX sets, borrowed, of which those of `engine`'s workers are shown. */
struct counted {
    const struct counts *counts;
    const struct engine *engine;
};

void sources_add(struct sources *sources, struct metrics_source source);

/* A line per number: "name{label="value"} number". Any worker's thread. */
void sources_list(const struct sources *sources, struct reply *reply);

/* Those of struct counts, worker by worker; those of the engine, summed up. */
struct metrics_source counts_source(const struct counted *counted);
struct metrics_source engine_source(const struct engine *engine);

#endif
