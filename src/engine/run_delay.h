/* SPDX-License-Identifier: MIT
 *
 * run_delay: for how long a thread was ready to run and others had its CPU: /proc/thread-self/schedstat (Linux 3.17, kernels with
 * CONFIG_SCHED_INFO). Where there is no such file nothing else will do: how often a thread was displaced (getrusage(2), ru_nivcsw)
 * hardly changes beside one that never rests, since what it waits for is the end of the other's slice, before it runs at all.
 */
#ifndef RIPOSTE_ENGINE_RUN_DELAY_H
#define RIPOSTE_ENGINE_RUN_DELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/bytes.h"

struct run_delay {
    uint64_t waited_ns;  /* since the thread began */
    uint64_t runs_count; /* how many times it got a CPU */
};

/* Of the calling thread, for ever: a descriptor to be closed by the caller. A negative errno where the kernel does not count. */
int run_delay_open(void);

/* What the descriptor says now, 1 µs. False, and nothing is known, when the kernel refuses. Any thread. */
bool run_delay_read(int fd, struct run_delay *delay);

/* The three numbers of a line: ns on a CPU, ns waited, times. False when it is another kind of line, or nothing was counted. */
bool run_delay_parse(struct bytes text, struct run_delay *delay);

#endif
