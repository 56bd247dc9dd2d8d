/* SPDX-License-Identifier: MIT
 *
 * conn_log: what the operator is told of single connections: with -v how they come and go, without it what no flag of
 * theirs can help. Lines that clients can bring about are bounded in number (riposte/log.h). Any worker.
 */
#ifndef RIPOSTE_ENGINE_CONN_LOG_H
#define RIPOSTE_ENGINE_CONN_LOG_H

#include "worker.h"

/* Lines a second, of all workers: connections, and errors. */
enum { CONN_LOG_LINES_MAX = 1000, CONN_LOG_ERRORS_MAX = 1 };

/* It was accepted; conn->reason says why it has ended. */
void conn_log_open(struct worker *worker, const struct conn *conn);
void conn_log_close(struct worker *worker, const struct conn *conn);

/* One is turned away because of the limit of connections. */
void conn_log_rejected(struct worker *worker, int fd);

/* EMFILE, ENFILE: a client waits that cannot be accepted. */
void conn_log_no_descriptor(struct worker *worker, int error);

#endif
