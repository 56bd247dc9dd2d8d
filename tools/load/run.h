/* SPDX-License-Identifier: MIT
 *
 * run: a whole run: threads, steps, end. What main calls once the options are read, and what tests call.
 *
 *      prepare (connect, store keys) -> step -> step ... -> end        a sweep has a step per rate, else one
 */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "options.h"
#include "scenario.h"
#include "tally.h"

/* What one step measured, over all threads. */
struct step_result {
    uint64_t rate_per_s; /* offered; 0: closed loop */
    bool complete;       /* false: the run ended within it */
    bool interrupted;    /* ended by a signal before its time */
    uint32_t idle_lost;  /* idle connections that the server ended */
    struct tally tally;
};

struct run_result {
    struct failure failure;
    uint64_t prepare_ns;       /* what connecting and storing the keys took */
    struct step_result *steps; /* owned */
    unsigned steps_count;
};

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
void run_result_deinit(struct run_result *result);

/* Exit status of the program for what happened. */
enum exit_code run_exit_code(const struct run_result *result);

/* The share of the offered rate that was answered in time, below which a sweep ends. */
bool step_kept_up(const struct step_result *step);

#endif
