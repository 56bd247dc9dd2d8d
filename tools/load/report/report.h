/* SPDX-License-Identifier: MIT
 *
 * report: what people and programs are told of a run.
 *
 * Text: a head that describes the load, then a block per measurement, or a table with a line per rate. JSON:
 * one object with everything, settings included. The progress line goes to a terminal only.
 */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "counts.h"
#include "scenario.h"

/* The percentiles that are shown, in millionths. */
struct report_percentile {
    const char *name;
    uint32_t share_ppm;
};

enum { REPORT_PERCENTILES_COUNT = 5 };
extern const struct report_percentile report_percentiles[REPORT_PERCENTILES_COUNT];

/* Replies, or bytes, per second of the window. */
double report_per_second(const struct counts *counts, uint64_t count);

/*
 * What the reader must know so as not to be misled, or NULL: the generator was the bottleneck, or late. At
 * most one, the gravest.
 */
const char *report_warning(const struct scenario *scenario, const struct step_result *step);

/* Shares of the window that all threads used of a CPU, in percent: 200 with two busy threads. */
double report_cpu_percent(const struct counts *counts);

/* The lines that describe the load. */
void report_head(FILE *out, const struct scenario *scenario);

/* One measurement, as a block, or as a line of the table of a sweep (after report_sweep_head). */
void report_step(FILE *out, const struct scenario *scenario, const struct step_result *step);
void report_sweep_head(FILE *out);
void report_sweep_line(FILE *out, const struct scenario *scenario, const struct step_result *step);

/* The whole run as one JSON object. */
void report_json(FILE *out, const struct scenario *scenario, const struct run_result *result);

/* Rewrites one line of a terminal; report_progress_clear makes room for other output. */
void report_progress(FILE *terminal, const char *phase, uint64_t elapsed_ns, uint64_t replies,
                     uint64_t faults);
void report_progress_clear(FILE *terminal);

#endif
