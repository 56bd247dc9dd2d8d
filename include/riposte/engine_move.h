/* SPDX-License-Identifier: MIT
 *
 * engine_move: connections go from one engine to another one, which may be another process's, while their clients wait a moment.
 *
 *      the old one                                    the new one, which began with ENGINE_STOP_PAUSE
 *      engine_stop(FREEZE), engine_await_pause
 *      engine_export ---- descriptors, records ---->  engine_adopt of each, nobody is served
 *      engine_stop(HAND_OVER), engine_join            engine_resume: they are served
 *      or engine_resume: it goes on with its own      engine_stop(CLOSE), engine_join: closes its descriptors, sends nothing
 *
 * A frozen connection is a descriptor and a record: what it has received and not served, what is unsent, what its protocol's
 * session is in the middle of. Nothing is read from its socket meanwhile, or sent to it. A connection cannot be moved when a
 * filter stands before it, its protocol has no session_save, or its session reaches no moment at which it can be saved within
 * 20 ms: such a one is closed in order, behind its last whole answer (counted as closed_handed_over). Unsent output is copied, also
 * what lies elsewhere (pinned values), up to conn_memory_size_max for all connections; those beyond it are closed
 * (closed_conn_memory).
 */
#ifndef RIPOSTE_ENGINE_MOVE_H
#define RIPOSTE_ENGINE_MOVE_H

#include "riposte/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A frozen connection. */
struct engine_moved {
    int fd;              /* its socket */
    int file_fd;         /* the file that the record says part of is unsent; -1: none */
    struct bytes record; /* versioned; means something to engine_adopt only */
};

/*
 * Shows every connection of a frozen engine to `take`, until it returns false; what it is shown lives until the engine is resumed
 * or joined, and stays the engine's: descriptors are to be duplicated (SCM_RIGHTS). Returns how many it has shown. The thread that
 * has waited with engine_await_pause; `take` must not call the engine.
 */
unsigned engine_export(const struct engine *engine,
                       bool (*take)(void *user, const struct engine_moved *moved), void *user);

/* How many there are. The same thread. */
unsigned engine_frozen_count(const struct engine *engine);

enum engine_adoption {
    ENGINE_ADOPTED,
    ENGINE_ADOPT_BAD,     /* the record is damaged or of another version, or says what cannot be */
    ENGINE_ADOPT_UNKNOWN, /* no listen here has its address with its protocol, without a filter */
    ENGINE_ADOPT_FULL,    /* the worker has no slot left (connections_max) */
    ENGINE_ADOPT_NO_MEMORY,
};

/* What it says, for a log line: some words without an end. Static storage. */
const char *engine_adoption_text(enum engine_adoption adoption);

/*
 * A connection that another engine has frozen is worker_index's (0 to workers_count - 1) from engine_resume on. The record is
 * checked as a whole and copied; ADOPTED: both descriptors are the engine's, which closes them in the end; otherwise they stay the
 * caller's. Nothing is done to the socket before engine_resume. What can still go wrong then is memory: such a connection is
 * closed (closed_no_memory). Connections above a smaller connections_max stay. The thread that has waited with engine_await_pause.
 */
enum engine_adoption engine_adopt(struct engine *engine, unsigned worker_index,
                                  const struct engine_moved *moved);

#ifdef __cplusplus
}
#endif

#endif
