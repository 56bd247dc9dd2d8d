/* SPDX-License-Identifier: MIT
 *
 * retain: a connection of a frozen worker that cannot be moved and has not heard the end, because its filter could not say it yet: its
 * handshake is under way, or its client takes slowly what was answered.
 *
 *      freeze_end --retain_conn--> in the worker's table; nobody serves it --another process serves--> drain_part
 *                                                                   --taken back--> served as before, or its last words go on
 *
 * The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_RETAIN_H
#define RIPOSTE_ENGINE_RETAIN_H

struct conn;
struct worker;

/* OPENING, or FLUSHING; the kernel holds nothing of it but what it sends without a copy. Closed where there is no room for what is unsent. */
void retain_conn(struct worker *worker, struct conn *conn);

#endif
