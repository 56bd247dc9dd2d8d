/* SPDX-License-Identifier: MIT
 *
 * watchdog: whether every worker's loop still comes round.
 *
 *      note the turns of each worker, wake all --half of the manager's time--> all have turned? a sign of life, and again
 *                                                                              one has not: none, until it has
 *
 * A timer that says "alive" by itself would say so of a process whose workers all hang. Main thread only.
 */
#ifndef RIPOSTE_SERVER_WATCHDOG_H
#define RIPOSTE_SERVER_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/engine.h"

struct watchdog {
    struct engine *engine;              /* borrowed */
    uint64_t turns[ENGINE_WORKERS_MAX]; /* of each worker when all were woken last */
};

/* Begins a round. Once the workers run. */
void watchdog_begin(struct watchdog *watchdog, struct engine *engine);

/* True when every worker has turned since the last round began, and begins the next one. */
bool watchdog_passed(struct watchdog *watchdog);

#endif
