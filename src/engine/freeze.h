/* SPDX-License-Identifier: MIT
 *
 * freeze: a worker's connections become records (conn_record.h), while their clients wait.
 *
 *      SERVING --freeze_begin--> FREEZING --all can be saved, or 20 ms--> FROZEN --freeze_end--> frozen.h, no connection left
 *                 accepts end       |                                       the kernel gives up what it holds; nothing is
 *                                   +-- served as usual; who cannot be      read, sent or served any more
 *                                       moved hears the end behind its answer
 *
 * Who has not heard it by then (a handshake under way, answers that a slow client has yet to take) stays behind, in the worker's table:
 * the worker goes on with it when the other process serves (drain_part), or when it serves itself again. A connection that is closed with
 * something unread is reset instead, and a TLS client whose handshake is over on its side does not know what was done.
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
