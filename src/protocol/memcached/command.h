/* SPDX-License-Identifier: MIT
 *
 * command: what each command does, once its line was read.
 *
 * The line is consumed before its command runs; a command that needs more than its line consumes that itself
 * and keeps in the session what it is in the middle of. A command counts itself in call->requests when it is
 * complete.
 */
#ifndef MEMCACHED_COMMAND_H
#define MEMCACHED_COMMAND_H

#include "call.h"

/* command_get.c: get gets gat gats. Moves back to the first key of the line: keys are consumed one by one. */
void mc_get_begin(struct mc_call *call, const struct mc_request *request);

/*
 * Goes on with a get line in the session's state KEYS. False when a bound stopped it before the line's end.
 */
bool mc_get_continue(struct mc_call *call);

/*
 * Serves the plain single-key gets at the front of the input, several at once. False, and nothing done, when
 * the input does not begin with one that is complete.
 */
bool mc_get_run(struct mc_call *call);

/* command_store.c: set add replace append prepend cas. Complete with the data block, see put.h. */
void mc_store(struct mc_call *call, const struct mc_request *request);

/* command_key.c */
void mc_number(struct mc_call *call, const struct mc_request *request); /* incr, decr */
void mc_touch(struct mc_call *call, const struct mc_request *request);
void mc_delete(struct mc_call *call, const struct mc_request *request);

/* command_admin.c: flush_all verbosity cache_memlimit shutdown debugtime. */
void mc_admin(struct mc_call *call, const struct mc_request *request);

/* command_watch.c: watch. */
void mc_watch(struct mc_call *call, const struct mc_request *request);

/*
 * Goes on in the state WATCH: takes over lines that wait, drops input. Always false: the next lines come
 * later.
 */
bool mc_watch_continue(struct mc_call *call);

/* command_lru.c: lru and slabs; lru_crawler. */
void mc_lru(struct mc_call *call, const struct mc_request *request);
void mc_lru_crawler(struct mc_call *call, const struct mc_request *request);

/* command_meta.c: mg ms md ma mn me. */
void mc_meta(struct mc_call *call, const struct mc_request *request);

/* stats.c */
void mc_stats(struct mc_call *call, const struct mc_request *request);

/* The command whose line ends at call->at. */
void mc_execute(struct mc_call *call, const struct mc_request *request);

#endif
