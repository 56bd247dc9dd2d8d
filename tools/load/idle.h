/* SPDX-License-Identifier: MIT
 *
 * idle: connections that are made, with their handshake where they have TLS, and then never say a word. Nobody waits for
 * them until the end. The thread that leads the run owns them.
 */
#ifndef LOAD_IDLE_H
#define LOAD_IDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "scenario.h"

struct idle {
    int *fds; /* owned */
    uint32_t count;
    uint32_t max;
    bool has_tls;
};

/* Makes as many as the options say, each within their time-out. False: *failure. idle_close is due either way. */
bool idle_open(struct idle *idle, const struct scenario *scenario, struct failure *failure);

/* How many of them the server has ended, or sent something unasked that is no part of TLS. */
uint32_t idle_lost(const struct idle *idle);

void idle_close(struct idle *idle);

#endif
