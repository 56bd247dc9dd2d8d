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
 * 20 ms: such a one is closed in order, behind its last whole answer (counted as closed_handed_over). Unsent output is copied, up to
 * conn_memory_size_max for all connections; those beyond it are closed (closed_conn_memory). What lies elsewhere (reply_pin) is copied
 * as well, unless it is in memory that the other engine has, too:
 *
 *      old: engine_share, engine_stop(FREEZE)     records name such values by offset and size, and their pins stay until the end
 *      new: engine_adopt, engine_pin_values       both have them pinned
 *      old: engine_join                           its pins end; or engine_resume: they go on
 *
 * The same goes for such memory that the kernel is still sending from (zero copy): the new engine sends no more, and ends no pin, until the
 * client has all of it. Memory that the old engine alone has, it neither writes nor frees any more: it must be that of a process that ends.
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

/* What is frozen. */
struct engine_frozen {
    unsigned connections_count;
    unsigned values_count; /* that they send from memory that both have */
    uint64_t records_size; /* bytes of all else */
};

/* The same thread. */
struct engine_frozen engine_frozen(const struct engine *engine);

/* Memory that replies are sent from and that the other engine has, too: a store's. */
struct engine_shared {
    /* Where pinned bytes are for both. False: not there, they are copied. Any worker. */
    bool (*offset_of)(void *user, struct bytes bytes, uint64_t *offset);
    void (*release)(void *owner); /* what reply_pin was given for such bytes; others are copied */
    bool
        keeps_sent; /* the other engine reads records that say what is being sent without a copy; else such connections are closed after 1 s */
    void *user;
};

/*
 * What records may name from the next engine_stop(FREEZE) on; NULL, as at first: nothing. Borrowed until the engine is resumed or
 * joined. The thread that stops the engine.
 */
void engine_share(struct engine *engine, const struct engine_shared *shared);

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
 * checked as a whole and copied; ENGINE_ADOPTED: both descriptors are the engine's, which closes them in the end; otherwise they stay the
 * caller's. Nothing is done to the socket before engine_resume. What can still go wrong then is memory: such a connection is
 * closed (closed_no_memory). Connections above a smaller connections_max stay. The thread that has waited with engine_await_pause.
 */
enum engine_adoption engine_adopt(struct engine *engine, unsigned worker_index,
                                  const struct engine_moved *moved);

/* The same memory, for the engine that takes. */
struct engine_values {
    /*
     * Keeps `size` bytes (>= 1) at `offset` in place until release(*owner), which the worker calls that has sent them. What it is asked for may be
     * anything: ENGINE_ADOPT_BAD where there is no such thing, and ENGINE_ADOPT_NO_MEMORY. The thread that calls engine_pin_values.
     */
    enum engine_adoption (*pin)(void *user, uint64_t offset, size_t size, struct bytes *bytes, void **owner);
    void (*release)(void *owner);
    void *user;
};

/*
 * Pins what records of adopted connections name, before engine_resume, which closes a connection without. Connections for whose values there is no
 * memory are closed: *lost_count of them. ENGINE_ADOPTED; ENGINE_ADOPT_BAD: a record names what cannot be, and nobody should be served from it. The
 * same thread as engine_adopt's.
 */
enum engine_adoption engine_pin_values(struct engine *engine, const struct engine_values *values,
                                       unsigned *lost_count);

/* Ends these pins, where the engine is not going to serve. The same thread. */
void engine_unpin_values(struct engine *engine);

#ifdef __cplusplus
}
#endif

#endif
