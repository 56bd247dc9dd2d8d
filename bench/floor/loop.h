/* SPDX-License-Identifier: MIT
 *
 * loop: the bare kernel path of a server: what any server on this ring must pay for a request, and nothing else.
 *
 *      multishot accept -> multishot receive into provided buffers -> count the requests' ends -> one send of so
 *      many fixed answers
 *
 * Ring, buffers and waiting are the engine's own code with its own settings (src/engine). No request is parsed,
 * nothing is looked up or stored, no answer is put together, no limit holds: the peer is the generator of the
 * benchmark, on loopback. What riposte needs beyond this is its own.
 */
#ifndef BENCH_FLOOR_LOOP_H
#define BENCH_FLOOR_LOOP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct answers {
    char *bytes;    /* count + 1 times the same answer, so that a send of `count` may begin within one */
    size_t size;    /* of one answer, bytes */
    size_t count;   /* answers in one send at most; what more is owed follows when they have left */
    unsigned lines; /* line feeds that a request has; the last one ends it */
};

/*
 * Serves what connects to `listener_fd`. Comes back only when it cannot go on: a negative errno.
 *
 * *spun_ns counts the time that went by spinning without work; others may read it. Where the generator is not
 * quicker than this, as under pipelines, the CPU time without it is what the requests took.
 */
int loop_run(int listener_fd, const struct answers *answers, _Atomic uint64_t *spun_ns);

#endif
