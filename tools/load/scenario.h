/* SPDX-License-Identifier: MIT
 *
 * scenario: everything that is decided before the first connection is made: server, protocol, workload,
 * request texts.
 *
 * Read only once it is made; all threads share it.
 */
#ifndef LOAD_SCENARIO_H
#define LOAD_SCENARIO_H

#include "encoder.h"
#include "options.h"
#include "workload.h"

struct scenario {
    const struct options *options; /* borrowed */
    const struct dialect *dialect;
    struct target target;
    struct workload workload; /* owned */
    struct encoder encoder;   /* owned; borrows workload.keys: a scenario is not copied */
    bool is_keyed;            /* requests name keys; false: HTTP with a path that is always the same, or mn */
    bool preload;             /* every key is stored before anything is measured */
    bool spin;                /* threads look for completions instead of sleeping */
    bool single_receive;      /* receives are armed one by one */
    bool rotate_sources;      /* connections would need more ports than one address has */
};

/* False: *failure says why. */
bool scenario_init(struct scenario *scenario, const struct options *options, struct failure *failure);
void scenario_deinit(struct scenario *scenario);

/* How many requests are in flight on one connection while keys are stored. */
unsigned scenario_preload_depth(const struct scenario *scenario);

#endif
