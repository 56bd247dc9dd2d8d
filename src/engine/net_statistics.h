/* SPDX-License-Identifier: MIT
 *
 * net_statistics: what the kernel says about accept queues. Any thread; off the path of requests.
 */
#ifndef RIPOSTE_ENGINE_NET_STATISTICS_H
#define RIPOSTE_ENGINE_NET_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

/* The backlog that listen(2) really gives: at most net.core.somaxconn. */
uint32_t net_backlog(uint32_t wanted);

/*
 * TcpExt ListenOverflows and ListenDrops of /proc/net/netstat, since boot; false where they cannot be read.
 */
bool net_listen_overflows(uint64_t *overflows, uint64_t *drops);

/*
 * The value of a TcpExt column in the two lines of /proc/net/netstat: names, then numbers. False when it is
 * not there.
 */
bool net_column(const char *names, const char *numbers, const char *name, uint64_t *number);

#endif
