/* SPDX-License-Identifier: MIT
 *
 * signals: what the operator asks for while the server runs.
 *
 *      SIGTERM SIGINT SIGUSR1    stop, with --stop-delay a little later; a second one ends that time, or else the
 *                                process at once
 *      SIGHUP                    reload
 *      SIGUSR2                   another process is started, which takes over
 *      SIGURG                    certificates are read again (the command refresh_certs, which sends it to its own process)
 *      SIGIO                     somebody is at the control socket (take_over/channel.h)
 *      SIGCHLD                   a process that was started has ended
 *      SIGPIPE                   ignored: a peer that is gone is an ordinary event
 *      SIGXFSZ                   ignored: a log or pid file at RLIMIT_FSIZE is a write that fails (EFBIG), no reason to end
 *
 * They are blocked in every thread and taken by the main thread with sigwaitinfo(2), so no handler runs
 * beside the data path.
 */
#ifndef RIPOSTE_SERVER_SIGNALS_H
#define RIPOSTE_SERVER_SIGNALS_H

#include <stdbool.h>

enum signals_event {
    SIGNALS_STOP,
    SIGNALS_RELOAD,
    SIGNALS_UPGRADE,
    SIGNALS_REFRESH,
    SIGNALS_CONTROL,
    SIGNALS_CHILD,
    SIGNALS_NONE,
};

/*
 * Whoever started the process may have ignored SIGCHLD, and that is inherited: then no child of it would leave a status. From here on
 * SIGXFSZ is ignored. First of all.
 */
void signals_reset(void);

/*
 * Before signals_block: a stop signal ends the process with status 0. For one that has done nothing yet that would be left behind, where
 * a service manager that stops everything looks at the status of each.
 */
void signals_exit_in_order_on_stop(void);

/* Main thread, before any other exists: they inherit the mask. */
void signals_block(void);

/* Main thread: waits for the next one, at most timeout_ms (NONE; -1: as long as it takes). */
enum signals_event signals_wait(int timeout_ms);

/* Whether a stop has been asked for that signals_wait has not told yet. */
bool signals_stop_is_pending(void);

/* Main thread, once a stop has begun: from now on a stop signal ends the process with status 1. */
void signals_exit_on_next_stop(void);

/* The same as a signal from outside; any thread. graceful: as SIGUSR1, else as SIGINT. */
void signals_request_stop(bool graceful);

/*
 * Main thread: which of SIGTERM, SIGINT, SIGUSR1 and SIGHUP are pending, as bits, for the process that has taken over; they are not any
 * more. The same bits there: as if they had been sent to it.
 */
unsigned signals_take_pending(void);
void signals_raise(unsigned signals);

/* As signals_take_pending, of the next one alone, for which it waits; 0: none has come. */
unsigned signals_take_next(int timeout_ms);

/* Whether there is one among these bits that asks for a stop. */
bool signals_have_stop(unsigned signals);

/* SIGNALS_REFRESH for the main thread; any thread. */
void signals_request_refresh(void);

#endif
