/* SPDX-License-Identifier: MIT
 *
 * doctor: riposte --check: looks a machine over before it is trusted with a server of these flags.
 */
#ifndef RIPOSTE_SERVER_DOCTOR_H
#define RIPOSTE_SERVER_DOCTOR_H

#include <stdio.h>

#include "findings.h"
#include "server.h"

/*
 * Tries and reads what a start with server->options needs, prints a line for each on `file` (as JSON with
 * --check=json), and returns the exit status: 0 all is good, 1 something could be better, 2 something is wrong. Nothing
 * is left behind. Main thread, before there are others.
 */
int doctor_run(struct server *server, FILE *file);

/* Prints what has been found as the options want it; the exit status. */
int doctor_report(FILE *file, const struct options *options, const struct facts *facts,
                  const struct findings *findings);

#endif
