/* SPDX-License-Identifier: MIT
 *
 * supervision: what the service manager hears, and when (sd_notify(3)).
 *
 *      READY=1                        clients are answered
 *      STATUS=5 items, 2 connections  every 10 seconds, where it has changed
 *      WATCHDOG=1                     twice in the manager's time, while every worker turns (watchdog.h)
 *      RELOADING=1, MONOTONIC_USEC=   SIGHUP came; READY=1 follows
 *      MAINPID=                       another process serves (--take-over)
 *      STOPPING=1, EXTEND_TIMEOUT_USEC=   a stop may take --drain-timeout
 *
 * Main thread only: it has nothing else to do between signals.
 */
#ifndef RIPOSTE_SERVER_SUPERVISION_H
#define RIPOSTE_SERVER_SUPERVISION_H

#include <sys/types.h>

#include "notify.h"
#include "watchdog.h"

struct store;

struct supervision {
    struct notify notify;
    struct watchdog watchdog;
    struct store *store;               /* borrowed */
    uint64_t watchdog_next_ns;         /* monotonic; UINT64_MAX: no watchdog */
    uint64_t status_next_ns;           /* UINT64_MAX: nobody wants to hear */
    char status[NOTIFY_TEXT_SIZE_MAX]; /* as sent last */
};

/* Before rights are given away: the manager's socket may be root's. */
void supervision_open(struct supervision *supervision);
void supervision_close(struct supervision *supervision);

/* The way to the manager that another process had: it hears this one once that one has said so. Takes `fd`. */
void supervision_adopt(struct supervision *supervision, int fd, uint64_t watchdog_us);

/* Process `pid` is the service from now on. */
void supervision_given(struct supervision *supervision, pid_t pid);

/* The workers run. */
void supervision_ready(struct supervision *supervision, struct engine *engine, struct store *store);

/* Sends what is due; returns in how many ms something is again, -1 for never. */
int supervision_turn(struct supervision *supervision, uint64_t now_ns);

void supervision_reloading(struct supervision *supervision);
void supervision_reloaded(struct supervision *supervision);
void supervision_stopping(struct supervision *supervision, uint32_t drain_timeout_ms);

#endif
