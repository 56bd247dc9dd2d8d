/* SPDX-License-Identifier: MIT
 *
 * counted: what the parts of a server have counted, and since when, for the process that takes over from it: who watches it sees the counters go on.
 *
 * What does not go on: CPU time, which is a process's own; levels, which say what there is; the longest turn; `stats detail`, the
 * busiest keys and slow requests. Main thread.
 */
#ifndef RIPOSTE_SERVER_COUNTED_H
#define RIPOSTE_SERVER_COUNTED_H

#include "riposte/bytes.h"
#include "riposte/record.h"

struct server;

/* user: the struct server, whose workers have paused. See riposte/numbers.h. */
void counted_save(void *user, struct record_writer *writer);

/* They are as another process has saved them, and checked; empty: they begin anew. Before the workers are told to begin. */
void counted_load(struct server *server, struct bytes numbers);

#endif
