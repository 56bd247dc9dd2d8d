/* SPDX-License-Identifier: MIT
 *
 * daemon: -d, going to the background without lying about it.
 *
 *      parent                          child
 *      daemon_begin -- fork ---------> new session, folder /
 *        waits                         ... start: listeners, workers ...
 *        reads the byte <------------- daemon_ready: standard files become /dev/null
 *      exits 0                         serves
 *
 * When the child ends before it is ready, the parent ends with the child's exit status; the sentence that
 * says why still goes to the parent's standard error. Main thread, before others exist.
 */
#ifndef RIPOSTE_SERVER_DAEMON_H
#define RIPOSTE_SERVER_DAEMON_H

#include <stdbool.h>

#include "failure.h"

struct daemon {
    int ready_fd; /* end of the pipe to the waiting parent; -1 exactly while nobody waits */
};

/*
 * Returns in the child only; the parent never returns. keep_folder: stay in the working folder (for core
 * files).
 */
bool daemon_begin(struct daemon *daemon, bool keep_folder, struct failure *failure);

/*
 * The service is there: lets the parent go. keep_error: standard error stays where it is. Nothing when not a
 * daemon.
 */
void daemon_ready(struct daemon *daemon, bool keep_error);

#endif
