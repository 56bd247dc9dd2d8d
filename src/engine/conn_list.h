/* SPDX-License-Identifier: MIT
 *
 * conn_list: a list of all connections, gathered from the workers that own them.
 *
 *      begin --(wakes all)--> each worker adds its connections, a block a turn
 *                             --> answers_left == 0: ready --> end
 *
 * A connection is only ever touched by its own worker, so a list for people is gathered by asking. Each
 * worker writes a part of its own; nothing is shared but the count of answers. One list is made at a time.
 */
#ifndef RIPOSTE_ENGINE_CONN_LIST_H
#define RIPOSTE_ENGINE_CONN_LIST_H

#include "worker.h"

/* Answers, a block at a time; true while there is more to answer. The worker's own thread. */
bool conn_list_turn(struct worker *worker);

/*
 * The worker ends before the others, and without its connections: it answers what it is asked, and is asked no more. The worker's
 * own thread.
 */
void conn_list_leave(struct worker *worker);

/* Frees a list that workers did not finish because they stopped. All workers are gone. */
void conn_list_destroy(struct engine *engine);

#endif
