/* SPDX-License-Identifier: MIT
 *
 * sweep: gives back the memory of expired items that nobody asks for.
 *
 *      idle --now >= due, or a flush--> a round over the segments --> idle
 *                                       due = earliest expiry left behind
 *
 * What expires together lies together, so most segments go as a whole: one whose last expiry has passed is
 * emptied (evict.h). One of which only some items have expired is swept: these are taken out, and it is not looked at again
 * for a sixteenth of the time that its last item has left, at most half a minute. When to look at all: expire.h.
 *
 * One worker at a time looks for segments; each sweeps its own. Worker's own thread.
 */
#ifndef RIPOSTE_STORE_SWEEP_H
#define RIPOSTE_STORE_SWEEP_H

#include "state.h"

/* A piece of work, if one is due. Returns within how many ms it wants another turn; 0: no need. */
unsigned sweep_turn(struct store_worker *worker);

/* Ends the sweep of a segment that the worker has begun: it leaves. */
void sweep_finish(struct store_worker *worker);

#endif
