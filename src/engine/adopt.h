/* SPDX-License-Identifier: MIT
 *
 * adopt: records become connections: those of another engine (engine_adopt), or a worker's own when its freeze is over and nobody
 * has taken them.
 */
#ifndef RIPOSTE_ENGINE_ADOPT_H
#define RIPOSTE_ENGINE_ADOPT_H

struct worker;

/* Before the worker's first turn: all its frozen connections are served from now on. The worker's own thread. */
void adopt_turn(struct worker *worker);

#endif
