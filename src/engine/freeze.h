/* SPDX-License-Identifier: MIT
 *
 * freeze: a worker's connections become records (moved.h), while their clients wait.
 *
 *      SERVING --freeze_begin--> FREEZING --all can be saved, or 20 ms--> FROZEN --freeze_end--> frozen.h, no connection left
 *                 accepts end       |                                       the kernel gives up what it holds; nothing is
 *                                   +-- served as usual; who cannot be      read, sent or served any more
 *                                       moved hears the end behind its answer
 *
 * The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_FREEZE_H
#define RIPOSTE_ENGINE_FREEZE_H

struct worker;

/* More than once does nothing. */
void freeze_begin(struct worker *worker);

/* Once per turn while FREEZING or FROZEN. */
void freeze_turn(struct worker *worker);

/* FROZEN, and no accept is armed. Waits for the kernel: a few ms for thousands of connections, a second at most unless it fails. */
void freeze_end(struct worker *worker);

#endif
