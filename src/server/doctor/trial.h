/* SPDX-License-Identifier: MIT
 *
 * trial: does what a start does, looks at what comes of it, and undoes it.
 *
 * Every worker gets its ring, the store its memory, every address is bound, but nobody is answered. What a
 * kernel, a container or a limit refuses is found by being refused.
 */
#ifndef RIPOSTE_SERVER_DOCTOR_TRIAL_H
#define RIPOSTE_SERVER_DOCTOR_TRIAL_H

#include "facts.h"
#include "server.h"

/*
 * Fills in the flags and the trial's part of *facts. `server` holds the options only; it is for the trial alone, its
 * options change. A Unix socket's file that nobody listens at is removed, as by a start. Main thread, no others yet.
 */
void trial_run(struct server *server, struct facts *facts);

/* Binds an address as one worker would, and lets it go: *port says why it cannot be. */
void trial_port(const struct server *server, const struct listen *listen, struct facts_port *port);

/* Only the engine, which runs for a moment at an address of its own, and a store of -m. */
void trial_engine(struct server *server, struct facts *facts);

#endif
