/* SPDX-License-Identifier: MIT
 *
 * run_fixture: a server in the test, good or with a fault, and a whole run against it. Each run is bounded by its own --timeout.
 */
#ifndef LOAD_RUN_FIXTURE_H
#define LOAD_RUN_FIXTURE_H

#include "fake_server.h"
#include "load_run.h"

/* Longest any run may take. */
#define TIMEOUT_S 60

/* Every run on its own ring settings: sleeping, because tests share their CPUs. */
#define FLAGS "--wait sleep --timeout 10s -w 0 -k 100 "

static struct fake_server server;
static struct load_run run;

static inline void start(enum fake_fault fault, uint64_t at_request) {
    server = (struct fake_server){.fault = fault, .at_request = at_request};
    fake_server_start(&server, "32");
}

static inline void finish(void) {
    fake_server_stop(&server);
    load_run_deinit(&run);
}

#endif
