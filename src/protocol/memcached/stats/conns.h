/* SPDX-License-Identifier: MIT
 *
 * conns: `stats conns`, a list of all connections and listeners of all workers.
 *
 *      begin --> list asked for --> all workers have answered --> lines, a piece at a time --> END
 *                 \-- another one is under way: asked again, a while later
 *
 * The engine makes the list (engine_conn_list_begin); this waits for it without holding anybody up and writes
 * it.
 */
#ifndef MEMCACHED_CONNS_H
#define MEMCACHED_CONNS_H

#include "call.h"

/* What a session in state CONNS owns. */
struct conns;

/*
 * Begins: the session is in state CONNS, or all was answered and it is not. The list counts as a request at
 * its end.
 */
void conns_begin(struct mc_call *call);

/* Waits on, or writes the next piece. Always false: whether it is the last or not, others come first. */
bool conns_continue(struct mc_call *call);

/* The connection is gone in the state CONNS. */
void conns_discard(struct conns *conns);

#endif
