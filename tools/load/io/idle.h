/* SPDX-License-Identifier: MIT
 *
 * idle: connections that are made and then never say a word.
 *
 * The thread that runs the clients makes and ends them; nobody waits for them in between.
 */
#ifndef LOAD_IDLE_H
#define LOAD_IDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "target.h"

struct idle {
    int *fds; /* owned */
    uint32_t count;
    uint32_t max;
};

/* Makes `count` connections, each within timeout_ns. False: *failure. idle_close is due either way. */
bool idle_open(struct idle *idle, const struct target *target, uint32_t count, bool rotate_sources,
               uint64_t timeout_ns, struct failure *failure);

/* How many of them the server has ended, or sent something unasked. */
uint32_t idle_lost(const struct idle *idle);

void idle_close(struct idle *idle);

#endif
