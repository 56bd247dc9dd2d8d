/* SPDX-License-Identifier: MIT
 *
 * run: a whole run: threads, steps, end. What main calls once the options are read, and what tests call.
 *
 *      prepare (connect, store keys) -> step -> step ... -> end        a sweep has a step per rate, else one
 */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include <stdint.h>

#include "counts.h"
#include "scenario.h"

/* What is told while the run goes on; both may be NULL. Called by the thread that called run_execute. */
struct run_observer {
    void *user;
    /* A few times a second; replies and faults since the beginning of the step. */
    void (*progress)(void *user, const char *phase, uint64_t elapsed_ns, uint64_t replies, uint64_t faults);
    void (*step_done)(void *user, const struct step_result *step);
};

/*
 * Runs to the end, or to the first failure: result->failure. SIGINT and SIGTERM end the measurement and are
 * reported as an interruption; a second one ends the process. run_result_deinit is due in any case.
 */
void run_execute(const struct scenario *scenario, const struct run_observer *observer,
                 struct run_result *result);

#endif
