/* SPDX-License-Identifier: MIT
 *
 * process: the steps of a start that concern the process rather than the service. See server.h. Main thread
 * only.
 */
#ifndef RIPOSTE_SERVER_PROCESS_H
#define RIPOSTE_SERVER_PROCESS_H

#include "failure.h"
#include "server.h"

/* Standard input, output and error exist. */
bool process_open_standard_files(struct server *server, struct failure *failure);

/* --log-file, --log-format, and what the flags that have no effect deserve: as soon as lines have a place. */
bool process_open_log(struct server *server, struct failure *failure);

/* Descriptors for -c connections, and core files with -r. */
bool process_raise_limits(struct server *server, struct failure *failure);

/* -d: returns in the background process only. */
bool process_become_daemon(struct server *server, struct failure *failure);

/* -P: after the process has its final id, while it may still write where root may. */
bool process_write_pidfile(struct server *server, struct failure *failure);
void process_remove_pidfile(struct server *server);

/* -k and -L: a lock is not inherited by the background process, and needs the rights that -u gives away. */
bool process_set_memory(struct server *server, struct failure *failure);

/* Signals are held back from here on; threads inherit that. */
bool process_block_signals(struct server *server, struct failure *failure);

/* -u: after everything that may need the rights of root. */
bool process_drop_privileges(struct server *server, struct failure *failure);

/* What was left to remove files where only root may has done so. */
void process_end_janitor(struct server *server);

/* Between these a thread writes the log's file. */
bool process_begin_log_writer(struct server *server, struct failure *failure);
void process_end_log_writer(struct server *server);

/* Lets the parent of a daemon go. */
bool process_release_parent(struct server *server, struct failure *failure);

#endif
