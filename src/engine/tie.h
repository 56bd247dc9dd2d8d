/* SPDX-License-Identifier: MIT
 *
 * tie: whether a worker stays tied to its CPU.
 *
 * Tied, it finds its caches warm, and no other worker comes in its way. But where other programs use the CPU as well, it has to wait
 * for them, also while another CPU is free. What it has waited tells which of the two it is:
 *
 *      TIED --has waited too long (TIE_WAIT_MS_MAX in TIE_WINDOW_MS)--> LOOSE
 *       ^                                                                |
 *       +---- `rest_ms` have passed, and the last window was quiet ------+
 *
 * A tie that is given up again sooner than the rest before it has lasted was a trial in vain: the next rest is twice as long, up to
 * TIE_REST_MS_MAX. A trial costs what is waited in it, TIE_WAIT_MS_MAX at the least and not much more, so that even at first no more than some
 * per cent of the time are spent in trials. No clock and no kernel is called here.
 */
#ifndef RIPOSTE_ENGINE_TIE_H
#define RIPOSTE_ENGINE_TIE_H

#include <stdbool.h>
#include <stdint.h>

#include "run_delay.h"

enum {
    TIE_WINDOW_MS = 1000, /* as long as is looked back: a second in which nobody else came is a quiet one */
    /*
     * 2 % of a window. Below that the time slices of other programs, some 3 ms each, meet about one in a thousand of the requests; the
     * threads of the kernel on an otherwise free CPU come for microseconds.
     */
    TIE_WAIT_MS_MAX = 20,
    TIE_FREE_WAIT_NS =
        5000, /* of each time that it began to run, which is no wait: on a free CPU it takes 2 µs to get there */
    TIE_REST_MS_MIN = 10 * 1000, /* a build, a backup or a garbage collection seldom pauses for longer ... */
    TIE_REST_MS_MAX =
        640 * 1000, /* ... and with a trial in ten minutes one slice in 100,000 is spent waiting */
};

struct tie {
    bool is_loose;
    bool is_trial;         /* tied again after a rest that has not passed a second time */
    uint32_t rest_ms;      /* from letting go to the next trial, and how long that has to last */
    uint64_t changed_ns;   /* when it was let go or tied last */
    uint64_t window_ns;    /* the window's beginning ... */
    struct run_delay seen; /* ... and what had been counted then */
};

enum tie_advice {
    TIE_STAY,
    TIE_LET_GO,
    TIE_AGAIN,
};

/* A worker that begins tied. now_ns: monotonic; seen: what was counted until now. */
void tie_init(struct tie *tie, uint64_t now_ns, const struct run_delay *seen);

/* What is to be done, whatever came of earlier advice; asked at any time, some times in a window at best. */
enum tie_advice tie_judge(struct tie *tie, uint64_t now_ns, const struct run_delay *seen);

#endif
