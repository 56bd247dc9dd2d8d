/* SPDX-License-Identifier: MIT
 *
 * offer: what the server that is there says of itself, before anything waits: settings, listeners with their sockets, what it can do.
 * The one that takes over starts as much of itself with it as it can (giver.h has the drawing). Nothing changes here. Main thread.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_OFFER_H
#define RIPOSTE_SERVER_TAKE_OVER_OFFER_H

#include <stdint.h>

struct giver_parts;
struct verdict;

/*
 * SETTINGS with the verdict of this attempt, LISTENER..., ABILITIES, OFFERED. hand_over_time_ms: how long the clients will wait at most. 0 or
 * -errno (channel_send).
 */
int offer_send(const struct giver_parts *parts, const struct verdict *verdict, uint32_t hand_over_time_ms,
               int channel_fd, uint64_t deadline_ns);

#endif
