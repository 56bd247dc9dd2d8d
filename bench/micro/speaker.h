/* SPDX-License-Identifier: MIT
 *
 * speaker: a thread's memcached worker over a stock, without sockets: what the protocol needs in order to
 * answer.
 */
#ifndef BENCH_SPEAKER_H
#define BENCH_SPEAKER_H

#include "riposte/memcached.h"
#include "riposte/reply.h"
#include "stock.h"

struct speaker {
    struct visitor *visitor;           /* owned */
    struct memcached_service *service; /* owned */
    struct memcached_worker *worker;   /* owned */
    struct reply reply;
};

/* stopwatch's begin and end: `user` is the stock, the state a speaker. */
void *speaker_begin(void *user, unsigned thread_index);
void speaker_end(void *state);

/* All that was answered is sent. Returns its size. */
uint64_t speaker_flush(struct speaker *speaker);

#endif
