/* SPDX-License-Identifier: MIT
 *
 * client: a thread's worker of memcached or HTTP over a fixture, without sockets: what the protocol needs in order to
 * answer.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "fixture.h"
#include "riposte/http.h"
#include "riposte/memcached.h"
#include "riposte/reply.h"

struct client {
    struct fixture_thread *thread;     /* owned */
    const struct protocol *protocol;   /* of the two */
    void *context;                     /* its functions' */
    struct memcached_service *service; /* owned; NULL where it speaks HTTP, and so on */
    struct memcached_worker *worker;
    struct http_service *http_service;
    struct http_worker *http_worker;
    struct reply reply;
};

/* stopwatch's begin and end: `user` is the fixture, the state a client. The first speaks memcached. */
void *client_begin(void *user, unsigned thread_index);
void *client_begin_http(void *user, unsigned thread_index);
void client_end(void *state);

/* All that was answered is sent. Returns its size. */
uint64_t client_flush(struct client *client);

#endif
