/* SPDX-License-Identifier: MIT
 *
 * daemon: -d, going to the background without lying about it.
 *
 *      parent                    between           child
 *      daemon_begin -- fork ---> fork -----------> new session, folder /
 *        waits                   exits             ... start: listeners, workers ...
 *        reads the byte <------------------------- daemon_ready: standard files become /dev/null
 *      exits 0                                     serves
 *
 * When the child ends before it is ready, it tells the parent its exit status (daemon_fail), with which that one ends; the sentence
 * that says why still goes to the parent's standard error. The process between makes the child one of process 1, or of the service
 * manager, from its beginning: systemd takes a MAINPID= that is not its child for one whose end it would not notice, and where it
 * cannot watch the control group either (version 1 in a container) it kills such a process as soon as it is asked to stop.
 *
 * A parent that takes over (ends_in_order) is what a service manager runs as the reload of a service. When the service is stopped meanwhile,
 * the manager asks each process to stop and holds any other status than 0 against it: that is no failure of the service. Its child ends
 * then without having taken anything.
 * Main thread, before others exist.
 */
#ifndef RIPOSTE_SERVER_DAEMON_H
#define RIPOSTE_SERVER_DAEMON_H

#include <stdbool.h>

#include "failure.h"

struct daemon {
    int ready_fd; /* end of the pipe to the waiting parent; -1 exactly while nobody waits */
    bool
        ends_in_order; /* set before: the parent ends with status 0 when it is asked to stop, and the child is to look whether it is awaited */
};

/*
 * Returns in the child only; the parent never returns. keep_folder: stay in the working folder (for core
 * files).
 */
bool daemon_begin(struct daemon *daemon, bool keep_folder, struct failure *failure);

/* Whether the parent is there, or has been let go, or has never been. */
bool daemon_is_awaited(const struct daemon *daemon);

/* The start has failed, and all that is to be said of it was said: lets the parent go. Nothing where none waits. */
void daemon_fail(struct daemon *daemon, int exit_status);

/*
 * The service is there: lets the parent go. keep_error: standard error stays where it is. Nothing when not a
 * daemon.
 */
void daemon_ready(struct daemon *daemon, bool keep_error);

#endif
