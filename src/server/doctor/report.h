/* SPDX-License-Identifier: MIT
 *
 * report: the findings for people, on a screen of 80 columns, and for programs, as JSON.
 */
#ifndef RIPOSTE_SERVER_DOCTOR_REPORT_H
#define RIPOSTE_SERVER_DOCTOR_REPORT_H

#include <stdio.h>

#include "findings.h"

/* A line each, the cure below it, the sum in the end. `colours`: the verdicts are coloured for a terminal. */
void report_text(FILE *file, const struct facts *facts, const struct findings *findings, bool colours);

/*
 * {"riposte": version, "kernel": text, "machine": text, "exit_status": 0 to 2,
 *  "findings": [{"area": text, "verdict": "good" | "fair" | "wrong", "text": text, "cure": text or null}, ...]}
 */
void report_json(FILE *file, const struct facts *facts, const struct findings *findings);

/* The exit status: 0 all is good, 1 something could be better, 2 something is wrong. */
int report_exit_status(const struct findings *findings);

#endif
