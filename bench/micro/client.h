/* SPDX-License-Identifier: MIT
 *
 * client: a thread's memcached worker over a fixture, without sockets: what the protocol needs in order to
 * answer.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "riposte/memcached.h"
#include "riposte/reply.h"
#include "fixture.h"

struct client {
    struct fixture_thread *thread;     /* owned */
    struct memcached_service *service; /* owned */
    struct memcached_worker *worker;   /* owned */
    struct reply reply;
};

/* stopwatch's begin and end: `user` is the fixture, the state a client. */
void *client_begin(void *user, unsigned thread_index);
void client_end(void *state);

/* All that was answered is sent. Returns its size. */
uint64_t client_flush(struct client *client);

#endif
