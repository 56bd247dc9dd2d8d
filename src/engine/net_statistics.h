/* SPDX-License-Identifier: MIT
 *
 * net_statistics: what the kernel says about accept queues. Any thread; off the path of requests.
 */
#ifndef RIPOSTE_ENGINE_NET_STATISTICS_H
#define RIPOSTE_ENGINE_NET_STATISTICS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* The backlog that listen(2) really gives: at most net.core.somaxconn. */
uint32_t net_backlog(uint32_t wanted);

/*
 * TcpExt ListenOverflows and ListenDrops of /proc/net/netstat, since boot; false where they cannot be read.
 */
bool net_listen_overflows(uint64_t *overflows, uint64_t *drops);

/*
 * The same since net_overflows_init. The file is read once a second at most, by one of those who ask: it costs more than
 * most requests, and clients may ask as often as they like. Any thread.
 */
struct net_overflows {
    pthread_mutex_t lock;                  /* of what follows; held while the file is read */
    uint64_t read_ns;                      /* monotonic time of the last reading; 0: it cannot be read */
    uint64_t first_overflows, first_drops; /* at the beginning */
    uint64_t overflows, drops;             /* of the last reading */
};

void net_overflows_init(struct net_overflows *net, uint64_t now_ns);
void net_overflows_deinit(struct net_overflows *net);

/* False where the file cannot be read. */
bool net_overflows_read(struct net_overflows *net, uint64_t now_ns, uint64_t *overflows, uint64_t *drops);

/*
 * The value of a TcpExt column in the two lines of /proc/net/netstat: names, then numbers. False when it is
 * not there.
 */
bool net_column(const char *names, const char *numbers, const char *name, uint64_t *number);

#endif
