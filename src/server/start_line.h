/* SPDX-License-Identifier: MIT
 *
 * start_line: what the operator is told once the server answers. Main thread only.
 */
#ifndef RIPOSTE_SERVER_START_LINE_H
#define RIPOSTE_SERVER_START_LINE_H

#include "server.h"

/*
 * Where the machine gives less than was asked for: epoll instead of io_uring, a shorter backlog, fewer CPUs.
 */
void start_warnings_log(const struct server *server);

/* One line: version, workers, engine and features, limits, addresses. */
void start_line_log(const struct server *server);

#endif
