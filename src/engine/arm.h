/* SPDX-License-Identifier: MIT
 *
 * arm: the end of a turn. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_ARM_H
#define RIPOSTE_ENGINE_ARM_H

#include "worker.h"

/*
 * Looks at every connection of the arm queue and at the listeners: sends, receives, closes, accepts. What the
 * transport has no room for stays queued for the next turn.
 */
void arm_turn(struct worker *worker);

#endif
