/* SPDX-License-Identifier: MIT
 *
 * handover: listening sockets that come from somebody else, and go to a successor.
 *
 * The way of sd_listen_fds(3): sockets are descriptors 3, 4, ... and LISTEN_FDS says how many. So the example takes them
 * from a service manager as from an example before it:
 *
 *      predecessor   engine_stop(HAND_OVER), engine_join     nobody accepts any more; clients wait in the sockets' queues
 *                    handover_start                          a process with duplicates of the sockets
 *      successor     handover_take, engine_create            serves who has waited
 *
 * One after the other, since an accept waits or not by a mode of the socket, which both have in common.
 */
#ifndef ECHO_HANDOVER_H
#define ECHO_HANDOVER_H

#include <riposte/engine.h>

enum { HANDOVER_SOCKETS_MAX = 64 };

/*
 * The sockets that this process was started with: those of `family` (AF_INET, AF_UNIX) go to `fds`; how many there are, 0
 * without LISTEN_FDS. They belong to the caller.
 */
unsigned handover_take(int family, int fds[HANDOVER_SOCKETS_MAX]);

/*
 * Starts this program anew, with the same arguments and the engine's sockets. Its process id; -1 when there is none.
 * Between engine_join and engine_destroy.
 */
int handover_start(const struct engine *engine, unsigned listens_count, char **arguments);

#endif
