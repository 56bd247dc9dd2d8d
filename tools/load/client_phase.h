/* SPDX-License-Identifier: MIT
 *
 * client_phase: what a client does one after the other: connect, store the keys (or learn the page), measure,
 * once or in steps.
 *
 * Each returns false when the run is over for this client: client->failure says why, or another one failed.
 * Each ends within a bounded time whatever the server does: connects and replies have the time-out, and so
 * has what is left when a measurement ends.
 */
#ifndef LOAD_CLIENT_PHASE_H
#define LOAD_CLIENT_PHASE_H

#include "client.h"

/* One measurement. */
struct step {
    uint64_t start_ns;       /* monotonic; the same for all clients */
    double rate_per_s;       /* of this client; 0: closed loop */
    uint64_t plan_shift_ns;  /* of this client's fixed plan, so that clients take turns */
    uint64_t requests_count; /* measured requests of this client; 0: as the duration allows */
};

/* Connects everything (connections that churn connect when used) and does what comes before measuring. */
bool client_prepare(struct client *client);

/* Measures: client->tally has the result. */
bool client_measure(struct client *client, const struct step *step);

#endif
