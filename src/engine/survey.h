/* SPDX-License-Identifier: MIT
 *
 * survey: a list of all connections, gathered from the workers that own them.
 *
 *      begin --(wakes all)--> each worker appends its connections, SURVEY_SLOTS_PER_TURN slots a turn
 *                             --> answers_left == 0: ready --> end
 *
 * A connection is only ever touched by its own worker, so a list for people is gathered by asking. Each
 * worker writes a part of its own; nothing is shared but the count of answers. One survey at a time.
 */
#ifndef RIPOSTE_ENGINE_SURVEY_H
#define RIPOSTE_ENGINE_SURVEY_H

#include "worker.h"

/* Answers a survey, a piece at a time; true while there is more to answer. The worker's own thread. */
bool survey_turn(struct worker *worker);

/* Frees a survey that workers did not finish because they stopped. All workers are gone. */
void survey_destroy(struct engine *engine);

#endif
