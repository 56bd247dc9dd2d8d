/* SPDX-License-Identifier: MIT
 *
 * tally: what one thread counted during one measurement, and the sum over threads.
 *
 * One thread counts; the reader merges while that thread waits at the gate.
 */
#ifndef LOAD_TALLY_H
#define LOAD_TALLY_H

#include <stdint.h>

#include "reader.h"
#include "riposte/histogram.h"

/* Between two looks at the clock and at getrusage(2). */
struct tally_usage {
    uint64_t elapsed_ns;
    uint64_t user_ns;
    uint64_t system_ns;
    uint64_t idle_ns;     /* spinning without finding anything */
    uint64_t preemptions; /* involuntary context switches */
};

struct tally {
    struct histogram latency;  /* ns from intended time to last byte, of requests intended in the window */
    struct histogram lateness; /* ns from due and connection free to encoded, of the same requests */
    uint64_t outcomes[OUTCOME_COUNT]; /* of requests intended in the window; faults: of all */
    uint64_t replies_in_window;       /* completed in the window, whenever they were intended */
    uint64_t bytes_received;          /* in the window */
    uint64_t bytes_sent;              /* in the window */
    uint64_t connects;                /* connections made, in the window */
    uint64_t unsent;                  /* due in the window and never sent; their waiting is in `latency` */
    uint64_t buffers_empty;           /* receives that found no free buffer, in all */
    uint64_t window_ns;               /* length of the window; the longest of the threads */
    struct tally_usage usage;         /* in the window; summed over threads, elapsed_ns too */
    double busy_share_max;            /* of the thread that had most to do, 0 to 1 */
    char error_line[CHECKER_LINE_SIZE_MAX];   /* of the first refusal */
    char wrong_sample[CHECKER_LINE_SIZE_MAX]; /* what was wrong with the first wrong reply */
};

void tally_merge(struct tally *target, const struct tally *source);

/* Error replies and wrong replies. */
uint64_t tally_faults(const struct tally *tally);
uint64_t tally_wrong(const struct tally *tally);

#endif
