/* SPDX-License-Identifier: MIT
 *
 * load_run: a whole run inside a test: options as on the command line, the result for looking at.
 */
#ifndef LOAD_LOAD_RUN_H
#define LOAD_LOAD_RUN_H

#include <stdint.h>

#include "options_table.h"
#include "run.h"
#include "scenario.h"

struct load_run {
    struct options options;
    struct scenario scenario;
    struct run_result result;
};

/*
 * `flags` are separated by single spaces; the target is 127.0.0.1:port. Ends the test when they are refused.
 */
void load_run(struct load_run *run, uint16_t port, const char *flags);
void load_run_deinit(struct load_run *run);

/* The only step's counts. Ends the test when there is none. */
const struct counts *load_run_counts(const struct load_run *run);

#endif
